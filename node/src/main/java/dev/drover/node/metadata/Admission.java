package dev.drover.node.metadata;

import io.netty.channel.Channel;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/** Bounds the connections, of all clients and of each. Owned by one event loop; the counts may be read by any thread. */
final class Admission {
    static final int MAX_CONNECTIONS = 4_096;
    static final int MAX_CONNECTIONS_OF_ONE = 64;

    private final Map<InetAddress, Integer> byClient = new HashMap<>();
    private final LongAdder refused = new LongAdder();
    private final AtomicInteger connections = new AtomicInteger();

    /** Whether the connection may go on; it counts until it is closed. */
    boolean admit(Channel channel) {
        if (!(channel.remoteAddress() instanceof InetSocketAddress remote)) {
            return false; // gone already
        }
        InetAddress client = remote.getAddress();
        int held = byClient.getOrDefault(client, 0);
        if (connections.get() >= MAX_CONNECTIONS || held >= MAX_CONNECTIONS_OF_ONE) {
            refused.increment();
            return false;
        }
        count(client, 1);
        channel.closeFuture().addListener(_ -> count(client, -1));
        return true;
    }

    private void count(InetAddress client, int change) {
        connections.addAndGet(change);
        byClient.merge(client, change, (a, b) -> a + b == 0 ? null : a + b);
    }

    int connections() {
        return connections.get();
    }

    long refused() {
        return refused.sum();
    }
}
