package dev.drover.node.docker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
final class LookQueueTest {
    @Test
    void requestsThatWaitAreOneLookAndNoneIsLost() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch leave = new CountDownLatch(1);
        AtomicInteger looks = new AtomicInteger();
        try (LookQueue queue = new LookQueue(
                _ -> {
                    looks.incrementAndGet();
                    entered.countDown();
                    awaitQuietly(leave);
                },
                2)) {
            CompletableFuture<Void> first = queue.request("a");
            entered.await();
            CompletableFuture<Void> second = queue.request("a");
            assertThat(queue.request("a")).isSameAs(second);
            assertThat(second).isNotSameAs(first).isNotDone();
            leave.countDown();
            second.get(10, TimeUnit.SECONDS);
            assertThat(looks).hasValue(2);
        }
    }

    @Test
    void oneIdIsNeverLookedAtTwiceAtATime() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        try (LookQueue queue = new LookQueue(
                _ -> {
                    most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                    Thread.yield();
                    inside.decrementAndGet();
                },
                8)) {
            CompletableFuture<Void> last = CompletableFuture.completedFuture(null);
            for (int i = 0; i < 2_000; i++) {
                last = queue.request("a");
            }
            last.get(10, TimeUnit.SECONDS);
            assertThat(most).hasValue(1);
        }
    }

    @Test
    void aLookThatFailsTellsItsRequestAndTheNextOneRuns() throws Exception {
        AtomicInteger looks = new AtomicInteger();
        try (LookQueue queue = new LookQueue(
                _ -> {
                    if (looks.incrementAndGet() == 1) {
                        throw new EngineException("gone");
                    }
                },
                1)) {
            CompletableFuture<Void> first = queue.request("a");
            Assertions.assertThatThrownBy(() -> first.get(10, TimeUnit.SECONDS)).isInstanceOf(ExecutionException.class);
            queue.request("a").get(10, TimeUnit.SECONDS);
        }
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
