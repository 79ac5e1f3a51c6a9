package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** Changes while datagrams pass, which lose none and send none to another target. */
class UdpChangeWithoutLossTest extends Harness {
    private static final int CLIENTS = 3;
    private static final int CHANGES = 100;

    @Override
    LbSettings settings() {
        return LbSettings.DEFAULTS.withDrainTimeout(Duration.ofSeconds(25));
    }

    private UdpOrigin origin(String name) {
        return closing(new UdpOrigin(name));
    }

    private static ListenerConfig udp(UdpOrigin... origins) {
        return new ListenerConfig(
                "u",
                loopback(0),
                Protocol.UDP,
                Balance.ROUND_ROBIN,
                Arrays.stream(origins).map(UdpOrigin::target).toList());
    }

    private UdpClient visitor() throws IOException {
        return closing(new UdpClient(bound("u")));
    }

    private static Duration soon() {
        return Duration.ofMillis(10);
    }

    /** Sends numbers and expects the answer to each, from one target, until told to stop; returns how many. */
    private static Callable<Integer> flow(UdpClient client, String target, AtomicBoolean stop) {
        return () -> {
            int sent = 0;
            int received = 0;
            while (!stop.get()) {
                // A window: a datagram that is lost is not hidden by the next, and no queue gets full.
                for (int i = 0; i < 8; i++) {
                    client.send(String.valueOf(sent++));
                }
                while (received < sent) {
                    assertThat(client.receive()).isEqualTo(target + received++);
                }
            }
            return sent;
        };
    }

    @Test
    void reapplying_and_changing_other_targets_loses_no_datagram() throws Exception {
        UdpOrigin a = origin("a");
        UdpOrigin b = origin("b");
        UdpOrigin c = origin("c");
        serve(udp(a, b));
        AtomicBoolean stop = new AtomicBoolean();
        List<Future<Integer>> flows = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            try {
                for (int i = 0; i < CLIENTS; i++) {
                    UdpClient client = visitor();
                    flows.add(threads.submit(flow(client, client.ask("?").substring(0, 2), stop)));
                }
                for (int i = 0; i < CHANGES; i++) {
                    assertThat(serve(udp(a, b)).changed()).isEqualTo(i > 0);
                    assertThat(serve(udp(a, b)).changed()).isFalse();
                    serve(udp(c, a, b));
                }
            } finally {
                stop.set(true);
            }
            for (Future<Integer> flow : flows) {
                assertThat(flow.get()).isGreaterThan(CHANGES);
            }
        }
        assertThat(a.peers() + b.peers()).as("sessions").isEqualTo(CLIENTS);
        assertThat(c.received()).isZero();
        assertThat(lb.status().getFirst().datagrams().dropped()).isEmpty();
    }

    @Test
    void who_asks_a_target_that_left_and_says_nothing_goes_elsewhere() throws IOException {
        UdpOrigin a = origin("a");
        UdpOrigin b = origin("b");
        serve(udp(a, b));
        UdpClient client = visitor();
        assertThat(client.ask("1")).isEqualTo("a:1");
        a.silent(true);
        serve(udp(b));
        await().pollInterval(soon()).until(() -> {
            client.send("2");
            return "b:2".equals(client.receive(20));
        });
    }
}
