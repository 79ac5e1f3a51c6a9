package dev.drover.overlay.path;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ReplayWindowTest {
    @Test
    void everyNumberIsAcceptedOnce() {
        ReplayWindow window = new ReplayWindow(1);
        for (long n = 0; n < 20_000; n++) {
            assertThat(window.refuses(0, n)).isFalse();
            assertThat(window.accept(0, n)).isTrue();
            assertThat(window.refuses(0, n)).isTrue();
            assertThat(window.accept(0, n)).isFalse();
        }
        for (long n = 0; n < 20_000; n++) {
            assertThat(window.accept(0, n)).isFalse();
        }
    }

    @Test
    void whatIsWithinTheWindowIsAcceptedLateAndWhatIsFarBehindIsNot() {
        assertThat(ReplayWindow.WINDOW).isGreaterThanOrEqualTo(2_048);
        ReplayWindow window = new ReplayWindow(1);
        long newest = 1_000_000;
        assertThat(window.accept(0, newest)).isTrue();
        for (long n = newest - 1; n > newest - ReplayWindow.WINDOW; n--) {
            assertThat(window.accept(0, n)).as("%d behind", newest - n).isTrue();
        }
        for (long n = newest; n > newest - ReplayWindow.WINDOW; n--) {
            assertThat(window.accept(0, n)).isFalse();
        }
        assertThat(window.accept(0, newest - ReplayWindow.WINDOW - 64)).isFalse();
    }

    @Test
    void streamsAreApart() {
        ReplayWindow window = new ReplayWindow(3);
        for (int stream = 0; stream < 3; stream++) {
            assertThat(window.accept(stream, 7)).isTrue();
            assertThat(window.accept(stream, ReplayWindow.END - 1)).isTrue();
            assertThat(window.accept(stream, ReplayWindow.END - 1)).isFalse();
        }
        assertThat(window.accept(1, 8)).isTrue();
    }

    @Test
    void atAnyOrderNothingIsAcceptedTwice() {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        ReplayWindow window = new ReplayWindow(1);
        Set<Long> accepted = new HashSet<>();
        long newest = 0;
        for (int i = 0; i < 100_000; i++) {
            long n = Math.max(
                    0,
                    newest
                            + switch (random.nextInt(10)) {
                                case 0 -> random.nextInt(10_000);
                                case 1 -> -random.nextInt(10_000);
                                default -> 3 - random.nextInt(100);
                            });
            boolean refused = window.refuses(0, n);
            boolean taken = window.accept(0, n);
            assertThat(taken).isNotEqualTo(refused);
            assertThat(taken && !accepted.add(n))
                    .as("%d twice, seed %d", n, seed)
                    .isFalse();
            if (!taken && newest - n < ReplayWindow.WINDOW) {
                assertThat(accepted.contains(n))
                        .as("%d refused at %d, seed %d", n, newest, seed)
                        .isTrue();
            }
            newest = Math.max(newest, n);
        }
    }

    @Test
    void lanesAtOnceAcceptEachNumberOnce() throws Exception {
        ReplayWindow window = new ReplayWindow(1);
        int lanes = 4;
        long count = 200_000;
        AtomicLong total = new AtomicLong();
        AtomicLong front = new AtomicLong();
        try (ExecutorService threads = Executors.newFixedThreadPool(lanes)) {
            List<CompletableFuture<Void>> done = new ArrayList<>();
            for (int lane = 0; lane < lanes; lane++) {
                int seed = lane;
                done.add(CompletableFuture.runAsync(
                        () -> {
                            Random random = new Random(seed);
                            List<Long> batch = new ArrayList<>();
                            for (long n = 0; n < count; ) {
                                batch.clear();
                                for (int i = 0; i < 64 && n < count; i++) {
                                    batch.add(n++);
                                }
                                Collections.shuffle(batch, random);
                                batch.forEach(k -> total.addAndGet(window.accept(0, k) ? 1 : 0));
                                long at = n;
                                front.updateAndGet(f -> Math.max(f, at));
                                while (front.get() - n > ReplayWindow.WINDOW / 2) {
                                    n = front.get()
                                            - ReplayWindow.WINDOW / 2; // a lane that lags leaves these to others
                                }
                            }
                        },
                        threads));
            }
            for (CompletableFuture<Void> lane : done) {
                lane.get(60, TimeUnit.SECONDS);
            }
        }
        assertThat(total.get()).isEqualTo(count);
    }
}
