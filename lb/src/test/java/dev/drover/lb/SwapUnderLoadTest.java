package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** No request is lost while targets come, go and die under load. */
class SwapUnderLoadTest extends Harness {
    private final AtomicBoolean stop = new AtomicBoolean();
    private final AtomicLong answered = new AtomicLong();
    private final Queue<String> failures = new ConcurrentLinkedQueue<>();
    private final List<Thread> clients = new ArrayList<>();

    /** Half keep their connections, half open one per request; all send GET, and POST where {@code posts}. */
    private void load(int count, boolean posts) {
        InetSocketAddress address = bound("web");
        for (int c = 0; c < count; c++) {
            boolean keep = c % 2 == 0;
            clients.add(Thread.ofVirtual().start(() -> {
                while (!stop.get()) {
                    try (Wire wire = new Wire(address)) {
                        do {
                            one(wire, posts && answered.get() % 3 == 0);
                        } while (keep && !stop.get());
                    } catch (IOException e) {
                        failures.add(e.toString());
                    }
                }
            }));
        }
    }

    private void one(Wire wire, boolean post) throws IOException {
        Wire.Response response = post
                ? wire.send("POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody")
                        .response()
                : wire.get("/g");
        answered.incrementAndGet();
        if (response.status() != 200 || !response.body().equals("ok")) {
            failures.add(response.head());
        }
    }

    @AfterEach
    void end() throws InterruptedException {
        stop.set(true);
        for (Thread client : clients) {
            client.join(10_000);
        }
    }

    private Origin ok() {
        return closing(Origin.http(request -> Origin.ok("ok")));
    }

    /** Lets the load get through some requests. */
    private void pass(int requests) {
        long goal = answered.get() + requests;
        await().pollInterval(java.time.Duration.ofMillis(2)).until(() -> answered.get() >= goal || !failures.isEmpty());
    }

    @Test
    void swapping_the_targets_loses_no_request() throws InterruptedException {
        List<Origin> origins = List.of(ok(), ok(), ok(), ok(), ok());
        serve(http("web", origins.get(0), origins.get(1)));
        load(8, true);
        for (int swap = 0; swap < 220; swap++) {
            List<TargetConfig> targets = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                TargetConfig active =
                        TargetConfig.active(origins.get((swap + i) % 5).address());
                targets.add(i == 2 ? new TargetConfig(active.address(), true) : active);
            }
            serve(listener("web", Protocol.HTTP, targets));
            pass(10);
        }
        end();
        assertThat(failures).isEmpty();
        for (Origin origin : origins) {
            assertThat(lb.inFlight(origin.address())).isZero();
        }
    }

    @Test
    void killing_targets_loses_no_request_that_may_be_repeated() throws InterruptedException {
        Origin steady = ok();
        List<Origin> mortals = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            mortals.add(ok());
        }
        for (int i = 0; i < 12; i += 2) {
            serve(http("web", steady, mortals.get(i), mortals.get(i + 1)));
            if (i == 0) {
                load(8, false);
            }
            pass(60);
            mortals.get(i).kill();
            pass(60);
            mortals.get(i + 1).kill();
            pass(60);
        }
        end();
        assertThat(failures).isEmpty();
        assertThat(event("RETRIED")).isPositive();
    }

    @Test
    void connections_of_tcp_listeners_survive_every_swap() throws IOException {
        Origin echo = closing(new Origin((socket, in, out) -> {
            for (int b = in.read(); b >= 0; b = in.read()) {
                out.write(b);
            }
        }));
        serve(tcp("tcp", echo));
        List<Wire> wires = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            wires.add(client("tcp"));
        }
        await().until(() -> lb.inFlight(echo.address()) == 10);
        for (int swap = 0; swap < 100; swap++) {
            serve(swap % 2 == 0 ? tcp("tcp") : tcp("tcp", echo, ok()));
            for (Wire wire : wires) {
                wire.send("x");
            }
            for (Wire wire : wires) {
                assertThat(wire.in().read()).isEqualTo('x');
            }
        }
        assertThat(lb.inFlight(echo.address())).isEqualTo(10);
    }
}
