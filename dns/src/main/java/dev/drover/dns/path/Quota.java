package dev.drover.dns.path;

import java.net.InetAddress;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Counts what clients hold at the moment against a limit for each and one for all. Any thread may call it. */
public final class Quota {
    private final AtomicInteger held = new AtomicInteger();
    private final ConcurrentHashMap<InetAddress, Integer> heldByClient = new ConcurrentHashMap<>();

    /** Takes one for {@code client}; false, and nothing taken, when a limit is reached. */
    boolean enter(InetAddress client, int limit, int limitPerClient) {
        if (held.incrementAndGet() > limit) {
            held.decrementAndGet();
            return false;
        }
        if (heldByClient.merge(client, 1, Integer::sum) > limitPerClient) {
            leave(client);
            return false;
        }
        return true;
    }

    /** Gives back what {@link #enter} took. */
    void leave(InetAddress client) {
        held.decrementAndGet();
        heldByClient.computeIfPresent(client, (address, count) -> count == 1 ? null : count - 1);
    }

    public int held() {
        return held.get();
    }
}
