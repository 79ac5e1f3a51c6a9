package dev.drover.lb.path;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.SocketName;
import dev.drover.dataplane.Transport;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The table of sessions, and their order, against a slow obvious one. */
class UdpSessionsTest {
    private static final int STEPS = 200_000;
    private static final int PORTS = 600;
    private static final Limits LIMITS =
            new Limits(1_000, 1_000, 1, 1, 1, 1, 1_000_000_000L, 10_000_000_000L, 1_024, 0, 1);

    private final Lanes lanes = Lanes.open(Transport.EPOLL, 1);
    private final LbLane lane = new LbLane(
            lanes, 0, LIMITS, new CounterSet<>(Outcome.class, 1), new CounterSet<>(Event.class, 1), cause -> {});
    private final VirtualServer server = new VirtualServer("s", 1);
    private final UdpSessions sessions = new UdpSessions();

    @AfterEach
    void close() {
        lanes.close();
    }

    private UdpSession session(int port) {
        InetAddress address = InetAddress.getLoopbackAddress();
        InetSocketAddress from = new InetSocketAddress(address, port);
        return new UdpSession(
                0, port % 3, port, 0, port % 2, SocketName.of(address, port), from, from, lane, server, 1, 0);
    }

    private UdpSession find(int port) {
        return sessions.find(0, port % 3, port, 0, port % 2);
    }

    @Test
    void it_finds_what_is_there_in_the_order_of_the_last_touch() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        // The keys in the order of their last touch.
        Map<Integer, UdpSession> expected = new LinkedHashMap<>();
        for (int step = 0; step < STEPS; step++) {
            // Grows and shrinks by turns.
            int port = 1 + random.nextInt(PORTS);
            UdpSession known = expected.get(port);
            assertThat(find(port)).as("seed %d step %d", seed, step).isSameAs(known);
            if (known == null) {
                if (random.nextInt(4) > step / 20_000 % 4) {
                    UdpSession session = session(port);
                    sessions.add(session);
                    expected.put(port, session);
                }
            } else if (random.nextBoolean()) {
                sessions.touch(known, step);
                expected.remove(port);
                expected.put(port, known);
            } else {
                sessions.remove(known);
                expected.remove(port);
            }
            assertThat(sessions.count()).isEqualTo(expected.size());
            assertThat(sessions.oldest())
                    .isSameAs(
                            expected.isEmpty()
                                    ? null
                                    : expected.values().iterator().next());
        }
        List<UdpSession> visited = new ArrayList<>();
        sessions.each(visited::add);
        assertThat(visited).as("seed %d", seed).containsExactlyElementsOf(expected.values());
        sessions.each(sessions::remove);
        assertThat(sessions.count()).isZero();
        assertThat(sessions.oldest()).isNull();
    }
}
