package dev.drover.lb.path;

import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The sessions of one UDP socket, found by the two ends of a client's datagrams, and in the order of their last ones. Open
 * addressing with linear probing; grows, and never shrinks. Finding and touching allocate nothing.
 */
final class UdpSessions {
    private static final int FIRST_PLACES = 64;

    /** So that nobody can choose addresses and ports that share a place. */
    private final long seed = ThreadLocalRandom.current().nextLong();

    private @Nullable UdpSession[] places = new UdpSession[FIRST_PLACES];
    private int count;
    private @Nullable UdpSession oldest;
    private @Nullable UdpSession newest;

    int count() {
        return count;
    }

    /** The one whose last datagram was longest ago; null when there is none. */
    @Nullable
    UdpSession oldest() {
        return oldest;
    }

    @Nullable
    UdpSession find(long high, long low, int port, long localHigh, long localLow) {
        int mask = places.length - 1;
        for (int i = hash(high, low, port, localHigh, localLow) & mask; ; i = i + 1 & mask) {
            UdpSession session = places[i];
            if (session == null || session.is(high, low, port, localHigh, localLow)) {
                return session;
            }
        }
    }

    /** Adds one that is not there, as the one touched last. */
    void add(UdpSession session) {
        if (2 * (count + 1) > places.length) {
            grow();
        }
        place(session);
        count++;
        append(session);
    }

    private void place(UdpSession session) {
        int mask = places.length - 1;
        int i = home(session) & mask;
        while (places[i] != null) {
            i = i + 1 & mask;
        }
        places[i] = session;
    }

    private void grow() {
        @Nullable UdpSession[] before = places;
        places = new UdpSession[2 * before.length];
        for (UdpSession session : before) {
            if (session != null) {
                place(session);
            }
        }
    }

    /** Removes one that is there; those behind it in its run move up (Knuth, volume 3, 6.4, algorithm R). */
    @SuppressWarnings("ReferenceEquality") // the very one
    void remove(UdpSession session) {
        int mask = places.length - 1;
        int gap = home(session) & mask;
        while (places[gap] != session) {
            gap = gap + 1 & mask;
        }
        for (int i = gap + 1 & mask; ; i = i + 1 & mask) {
            UdpSession next = places[i];
            if (next == null) {
                break;
            }
            // Its way from home to here leads over the gap.
            if ((i - home(next) & mask) >= (i - gap & mask)) {
                places[gap] = next;
                gap = i;
            }
        }
        places[gap] = null;
        count--;
        unlink(session);
    }

    /** Makes it the newest. */
    @SuppressWarnings("ReferenceEquality") // the links of a list
    void touch(UdpSession session, long nowNs) {
        session.lastNs = nowNs;
        if (newest != session) {
            unlink(session);
            append(session);
        }
    }

    /** Visits all, the oldest first; the visit may remove the one it gets. */
    void each(Consumer<UdpSession> visit) {
        UdpSession next;
        for (UdpSession session = oldest; session != null; session = next) {
            next = session.newer;
            visit.accept(session);
        }
    }

    private void append(UdpSession session) {
        session.older = newest;
        session.newer = null;
        if (newest == null) {
            oldest = session;
        } else {
            newest.newer = session;
        }
        newest = session;
    }

    private void unlink(UdpSession session) {
        if (session.older == null) {
            oldest = session.newer;
        } else {
            session.older.newer = session.newer;
        }
        if (session.newer == null) {
            newest = session.older;
        } else {
            session.newer.older = session.older;
        }
    }

    private int home(UdpSession session) {
        return hash(session.high, session.low, session.port, session.localHigh, session.localLow);
    }

    private int hash(long high, long low, int port, long localHigh, long localLow) {
        return (int) Balancer.mix(
                Balancer.mix(Balancer.mix(high ^ seed) + low ^ (long) port << 48) + Balancer.mix(localHigh) + localLow);
    }
}
