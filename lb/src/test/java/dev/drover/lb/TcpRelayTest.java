package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.drover.dataplane.Transport;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class TcpRelayTest extends Harness {
    /** Sends its name, then everything back, then ends. */
    private Origin echo(String name) {
        return closing(new Origin((socket, in, out) -> {
            out.write(name.getBytes(StandardCharsets.US_ASCII));
            in.transferTo(out);
            out.write(".".getBytes(StandardCharsets.US_ASCII));
        }));
    }

    private String exchange(String bytes) throws IOException {
        try (Wire wire = new Wire(bound("tcp"))) {
            wire.send(bytes).finishOutput();
            return wire.rest();
        }
    }

    @Test
    void connections_visit_the_targets_in_turn_and_ends_are_separate() throws IOException {
        serve(tcp("tcp", echo("a"), echo("b"), echo("c")));
        assertThat(List.of(exchange("1"), exchange("2"), exchange("3"), exchange("")))
                .containsExactly("a1.", "b2.", "c3.", "a.");
        await().until(() -> outcome("TUNNELLED") == 4
                && lb.status().getFirst().connections() == 0
                && lb.status().getFirst().targets().stream().allMatch(target -> target.active() == 0));
    }

    @Test
    void a_target_may_end_first_and_still_listen() throws Exception {
        CompletableFuture<String> heard = new CompletableFuture<>();
        serve(tcp("tcp", closing(new Origin((socket, in, out) -> {
            out.write("bye".getBytes(StandardCharsets.US_ASCII));
            socket.shutdownOutput();
            heard.complete(new String(Origin.readAll(in), StandardCharsets.US_ASCII));
        }))));
        Wire wire = client("tcp");
        assertThat(wire.rest()).isEqualTo("bye");
        wire.send("still ").send("here").finishOutput();
        assertThat(heard.get(5, TimeUnit.SECONDS)).isEqualTo("still here");
        await().until(() -> outcome("TUNNELLED") == 1);
    }

    @Test
    void a_refused_connect_is_tried_on_another_target() throws IOException {
        serve(listener(
                "tcp",
                Protocol.TCP,
                List.of(
                        TargetConfig.active(refused()),
                        TargetConfig.active(refused()),
                        TargetConfig.active(echo("a").address()))));
        for (int i = 0; i < 5; i++) {
            assertThat(exchange("x")).isEqualTo("ax.");
        }
        assertThat(event("UPSTREAM_CONNECT_FAILED")).isEqualTo(2);
    }

    @Test
    void without_a_target_that_connects_the_client_is_reset() throws IOException {
        serve(listener("tcp", Protocol.TCP, List.of(TargetConfig.active(refused()))));
        assertThatThrownBy(() -> exchange("x")).isInstanceOf(SocketException.class);
        assertThat(outcome("CONNECT_FAILED")).isEqualTo(1);
        serve(tcp("tcp"));
        assertThatThrownBy(() -> exchange("x")).isInstanceOf(SocketException.class);
        await().until(() -> outcome("NO_TARGET") == 1 && lb.status().getFirst().connections() == 0);
    }

    @Test
    void a_reset_is_passed_on_in_both_directions() throws Exception {
        CompletableFuture<Boolean> cut = new CompletableFuture<>();
        Origin origin = closing(new Origin((socket, in, out) -> {
            int first = in.read();
            if (first == 'r') {
                Origin.reset(socket);
                return;
            }
            try {
                in.read();
                cut.complete(false);
            } catch (SocketException e) {
                cut.complete(true);
            }
        }));
        serve(tcp("tcp", origin));
        Wire reset = client("tcp");
        reset.send("r");
        assertThatThrownBy(() -> reset.in().read()).isInstanceOf(SocketException.class);
        Wire resetting = client("tcp");
        resetting.send("x");
        await().until(() -> origin.connections.get() == 2);
        resetting.reset();
        assertThat(cut.get(5, TimeUnit.SECONDS)).isTrue();
        await().until(() -> lb.inFlight(origin.address()) == 0);
    }

    @Test
    void large_streams_pass_unharmed_in_both_directions_at_once() throws Exception {
        serve(tcp("tcp", closing(new Origin((socket, in, out) -> in.transferTo(out)))));
        int blocks = 16 * 256;
        List<CompletableFuture<Void>> running = new ArrayList<>();
        for (int c = 0; c < 3; c++) {
            int seed = c;
            running.add(CompletableFuture.runAsync(
                    () -> stream(seed, blocks), task -> Thread.ofVirtual().start(task)));
        }
        for (CompletableFuture<Void> stream : running) {
            stream.get(40, TimeUnit.SECONDS);
        }
    }

    @Test
    void what_carries_much_is_spliced_and_arrives_whole_also_when_its_end_comes_early() throws Exception {
        byte[] bytes = new byte[24 << 20];
        new Random(7).nextBytes(bytes);
        CompletableFuture<byte[]> heard = new CompletableFuture<>();
        serve(tcp("tcp", closing(new Origin((socket, in, out) -> {
            out.write(1);
            LockSupport.parkNanos(200_000_000); // the pipe, and what both kernels hold, fill up
            heard.complete(Origin.readAll(in));
            out.write(bytes);
        }))));
        try (Wire wire = client("tcp")) {
            assertThat(wire.in().read()).isEqualTo(1);
            wire.socket.getOutputStream().write(bytes);
            wire.finishOutput();
            assertThat(heard.get(20, TimeUnit.SECONDS)).isEqualTo(bytes);
            assertThat(Origin.readAll(wire.in())).isEqualTo(bytes);
        }
        assertSpliced(2);
        await().until(() -> outcome("TUNNELLED") == 1 && lb.status().getFirst().connections() == 0);
    }

    @Test
    void after_a_burst_small_messages_pass_as_before() throws Exception {
        assumeTrue(transport == Transport.EPOLL, "no splice with io_uring");
        serve(tcp("tcp", closing(new Origin((socket, in, out) -> in.transferTo(out)))));
        byte[] burst = new byte[2 << 20];
        new Random(8).nextBytes(burst);
        try (Wire wire = client("tcp")) {
            for (long quietNs : new long[] {2_500_000_000L, 0}) { // the window of the burst, and one with little
                Thread.ofVirtual().start(() -> {
                    try {
                        wire.socket.getOutputStream().write(burst);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                });
                assertThat(wire.in().readNBytes(burst.length)).isEqualTo(burst);
                long endNs = System.nanoTime() + quietNs;
                for (int i = 0; System.nanoTime() - endNs < 0; i++) {
                    wire.socket.getOutputStream().write(i);
                    assertThat(wire.in().read()).isEqualTo(i & 0xff);
                    LockSupport.parkNanos(10_000_000);
                }
            }
        }
        assertSpliced(4); // both directions, given back in between and taken again
    }

    private void assertSpliced(long least) {
        if (transport == Transport.EPOLL) {
            assertThat(event("SPLICED")).isGreaterThanOrEqualTo(least);
        }
    }

    @Test
    void the_end_of_either_side_ends_what_is_spliced() throws Exception {
        assumeTrue(transport == Transport.EPOLL, "no splice with io_uring");
        CompletableFuture<Boolean> cut = new CompletableFuture<>();
        Origin origin = closing(new Origin((socket, in, out) -> {
            if (in.read() == 'r') {
                in.readNBytes(4 << 20);
                Origin.reset(socket);
                return;
            }
            try {
                in.transferTo(OutputStream.nullOutputStream());
                cut.complete(false);
            } catch (SocketException e) {
                cut.complete(true);
            }
        }));
        serve(tcp("tcp", origin));
        byte[] block = new byte[64 << 10];
        Wire reset = client("tcp");
        reset.send("r");
        assertThatThrownBy(() -> {
                    while (true) {
                        reset.socket.getOutputStream().write(block);
                    }
                })
                .isInstanceOf(SocketException.class);
        Wire resetting = client("tcp");
        resetting.send("x");
        for (int i = 0; i < 64; i++) {
            resetting.socket.getOutputStream().write(block);
        }
        resetting.reset();
        assertThat(cut.get(5, TimeUnit.SECONDS)).isTrue();
        assertThat(event("SPLICED")).isGreaterThanOrEqualTo(2);
        await().until(() ->
                lb.inFlight(origin.address()) == 0 && lb.status().getFirst().connections() == 0);
    }

    private void stream(int seed, int blocks) {
        try (Wire wire = new Wire(bound("tcp"))) {
            MessageDigest sent = MessageDigest.getInstance("SHA-256");
            Thread sender = Thread.ofVirtual().start(() -> {
                try {
                    Random random = new Random(seed);
                    byte[] block = new byte[4096];
                    for (int i = 0; i < blocks; i++) {
                        random.nextBytes(block);
                        sent.update(block);
                        wire.socket.getOutputStream().write(block);
                    }
                    wire.finishOutput();
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
            MessageDigest received = MessageDigest.getInstance("SHA-256");
            byte[] buffer = new byte[65_536];
            long total = 0;
            for (int n = wire.in().read(buffer); n >= 0; n = wire.in().read(buffer)) {
                received.update(buffer, 0, n);
                total += n;
            }
            sender.join();
            assertThat(total).isEqualTo(blocks * 4096L);
            assertThat(received.digest()).isEqualTo(sent.digest());
        } catch (IOException | InterruptedException | java.security.GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void a_client_that_does_not_read_holds_the_target_back() throws Exception {
        AtomicLong written = new AtomicLong();
        serve(tcp("tcp", closing(new Origin((socket, in, out) -> {
            byte[] piece = new byte[64 * 1024];
            for (int i = 0; i < 15_000; i++) {
                out.write(piece);
                written.addAndGet(piece.length);
            }
        }))));
        Wire wire = closing(new Wire(bound("tcp"), 16 * 1024));
        long[] last = {-1};
        await().pollInterval(Duration.ofMillis(300)).until(() -> {
            boolean still = last[0] == written.get() && last[0] > 0;
            last[0] = written.get();
            return still;
        });
        assertThat(written.get()).isLessThan(64_000_000);
        assertThat(wire.in().readNBytes(8_000_000)).hasSize(8_000_000);
    }

    @Test
    void connections_outlive_changes_of_the_targets_and_draining() throws IOException {
        Origin old = echo("o");
        Origin next = echo("n");
        serve(tcp("tcp", old));
        Wire wire = client("tcp");
        wire.send("1");
        assertThat(wire.in().readNBytes(2)).containsExactly('o', '1');
        serve(listener(
                "tcp",
                Protocol.TCP,
                List.of(new TargetConfig(old.address(), true), TargetConfig.active(next.address()))));
        assertThat(exchange("x")).isEqualTo("nx.");
        serve(tcp("tcp", next));
        assertThat(exchange("x")).isEqualTo("nx.");
        assertThat(lb.inFlight(old.address())).isEqualTo(1);
        wire.send("2").finishOutput();
        assertThat(wire.rest()).isEqualTo("2.");
        await().until(() -> lb.inFlight(old.address()) == 0);
    }
}
