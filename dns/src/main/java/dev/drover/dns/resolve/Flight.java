package dev.drover.dns.resolve;

import dev.drover.dns.wire.ExtendedError;
import io.netty.buffer.ByteBuf;
import io.netty.util.concurrent.Future;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One question on its way through the upstreams, and all who wait for its answer. The best upstream is asked; when it
 * fails, the next one at once; when it takes longer than its times suggest, the next one besides. The first usable reply
 * ends it. Tries that are open then stay for a while, to learn how slow their upstream is. All on the lane.
 */
final class Flight {
    /** Tries on account of slowness: at least so many, and twice for each upstream up to the most. */
    private static final int MIN_TRIES = 4;

    private static final int MAX_TRIES = 8;

    private final Resolver resolver;
    private final Question question;
    private final UpstreamSet set;
    private final AnswerCache cache;
    private final Timing timing;
    private final List<Waiter> waiters = new ArrayList<>(1);
    private final List<Try> open = new ArrayList<>(2);
    private final Set<Upstream> givenUp = new HashSet<>(2);

    private List<Upstream> order = List.of();
    private int asked;
    private boolean unreachableOnly = true;
    private boolean echoed;
    private boolean done;
    private @Nullable Future<?> hedge;
    private @Nullable Future<?> deadline;

    Flight(Resolver resolver, Question question, UpstreamSet set, AnswerCache cache, Timing timing) {
        this.resolver = resolver;
        this.question = question;
        this.set = set;
        this.cache = cache;
        this.timing = timing;
    }

    boolean isTo(UpstreamSet other) {
        return set.equals(other);
    }

    void join(Waiter waiter) {
        waiters.add(waiter);
    }

    void start() {
        long now = System.nanoTime();
        order = set.inOrder(now);
        if (order.isEmpty()) {
            echoed = true;
            fail();
            return;
        }
        deadline = schedule(this::fail, (set.isSick(now) ? timing.sickMs() : timing.totalMs()) * Timing.MS);
        askNext();
        for (int i = 1; i < order.size() && !done; i++) {
            Upstream other = order.get(i);
            if (other.takeProbe(now, timing.probeMs() * Timing.MS)) {
                resolver.count(ForwardOutcome.TRY_PROBE);
                launch(Try.to(this, other));
            }
        }
    }

    private Future<?> schedule(Runnable task, long delayNs) {
        return resolver.loop.schedule(task, delayNs, TimeUnit.NANOSECONDS);
    }

    private void askNext() {
        Upstream upstream = order.get(asked % order.size());
        asked++;
        cancel(hedge);
        int most = Math.clamp(2L * order.size(), MIN_TRIES, MAX_TRIES);
        if (asked < most) {
            // Each wait twice as long as the one before, from the second round on.
            long patience = upstream.patienceNs(timing.hedgeMs() * Timing.MS) << (asked - 1) / order.size();
            hedge = schedule(() -> onSlow(upstream), patience);
        } else {
            hedge = null;
        }
        launch(Try.to(this, upstream));
    }

    private void onSlow(Upstream upstream) {
        if (!done) {
            upstream.worse();
            resolver.count(ForwardOutcome.TRY_HEDGE);
            askNext();
        }
    }

    private void launch(Try next) {
        open.add(next);
        next.start(resolver, question, timing.tryMs() * Timing.MS);
    }

    /** A message on the socket of a try. */
    void onMessage(Try from, ByteBuf message) {
        Upstream upstream = from.upstream;
        ReplyCheck.Verdict verdict = ReplyCheck.judge(message, from.sent(), from.id(), from.caseMatters());
        if (verdict != ReplyCheck.Verdict.MISMATCH && verdict != ReplyCheck.Verdict.OTHER_CASE) {
            long now = System.nanoTime();
            upstream.replied(now, now - from.startNs());
        }
        switch (verdict) {
            case USE -> onUsable(from, message);
            case TRUNCATED -> {
                if (from.transport == Try.Transport.UDP) {
                    replace(from, from.over(Try.Transport.TCP), ForwardOutcome.TRY_TCP);
                } else {
                    onRefused(from);
                }
            }
            case NOT_UNDERSTOOD -> {
                if (from.edns) {
                    replace(from, from.withoutEdns(), ForwardOutcome.TRY_PLAIN);
                } else {
                    onRefused(from);
                }
            }
            case OTHER_CASE -> {
                if (from.takeCaseCheck() && !done) {
                    resolver.count(ForwardOutcome.TRY_OTHER_CASE);
                    launch(from.caseCheck());
                }
            }
            case REFUSED -> onRefused(from);
            case MISMATCH -> resolver.count(ForwardOutcome.TRY_MISMATCH);
        }
    }

    private void onUsable(Try from, ByteBuf message) {
        if (from.checksCase && !from.keptCase(message)) {
            from.upstream.lostCase();
        }
        from.upstream.useful();
        UpstreamAnswer answer = AnswerReader.read(question, message, cache.policy(), System.nanoTime());
        cache.store(answer);
        remove(from);
        if (!done) {
            finish();
            count(ForwardOutcome.ANSWERED);
            resolver.succeeded(question);
            waiters.forEach(waiter -> waiter.onAnswer(answer));
        }
    }

    private void replace(Try old, Try next, ForwardOutcome why) {
        remove(old);
        if (!done) {
            resolver.count(why);
            launch(next);
        }
    }

    private void onRefused(Try from) {
        resolver.count(ForwardOutcome.TRY_REFUSED);
        from.upstream.worse();
        unreachableOnly = false;
        giveUp(from);
    }

    void onUnreachable(Try from) {
        if (from.checksCase) {
            // No TCP there: nothing but the case of letters was wrong, so ask in no particular case.
            from.upstream.lostCase();
            replace(from, from.over(Try.Transport.UDP).inLowerCase(), ForwardOutcome.TRY_OTHER_CASE);
            return;
        }
        if (from.takeReconnect()) {
            replace(from, from.over(from.transport), ForwardOutcome.TRY_UNREACHABLE);
            return;
        }
        resolver.count(ForwardOutcome.TRY_UNREACHABLE);
        from.upstream.unreachable();
        giveUp(from);
    }

    void onFault(Try from, Throwable fault) {
        resolver.faults.accept(fault);
        giveUp(from);
    }

    /** Its upstream has had its time; a late reply is still welcome while somebody waits. */
    void onTimeout(Try late) {
        resolver.count(ForwardOutcome.TRY_TIMEOUT);
        late.upstream.silent();
        late.upstream.worse();
        unreachableOnly = false;
        if (done) {
            remove(late);
        }
    }

    /** A query of ours came in from outside. */
    boolean onEcho(int id, byte[] arrived) {
        for (Try candidate : open) {
            if (candidate.isEcho(id, arrived)) {
                resolver.count(ForwardOutcome.LOOP);
                candidate.upstream.looped(System.nanoTime());
                echoed = true;
                giveUp(candidate);
                return true;
            }
        }
        return false;
    }

    private void giveUp(Try failed) {
        remove(failed);
        givenUp.add(failed.upstream);
        if (done) {
            return;
        }
        if (asked < order.size()) {
            askNext();
        } else if (open.isEmpty() && (givenUp.containsAll(order) || hedge == null)) {
            fail();
        }
    }

    private void fail() {
        if (done) {
            return;
        }
        finish();
        count(ForwardOutcome.FAILED);
        ExtendedError why = why();
        resolver.failed(question, why);
        waiters.forEach(waiter -> waiter.onFailure(why));
    }

    /** What nobody asked for, a probe for loops, does not count. */
    private void count(ForwardOutcome outcome) {
        if (!waiters.isEmpty()) {
            resolver.count(outcome);
        }
    }

    private ExtendedError why() {
        if (echoed) {
            return ExtendedError.LOOP;
        }
        if (!givenUp.containsAll(order)) {
            return ExtendedError.NO_REACHABLE_AUTHORITY;
        }
        return unreachableOnly ? ExtendedError.NETWORK_ERROR : ExtendedError.UPSTREAMS_REFUSED;
    }

    private void finish() {
        done = true;
        resolver.landed(this, question);
        cancel(hedge);
        cancel(deadline);
        for (Try left : List.copyOf(open)) {
            if (left.isLate() || resolver.openTries > Resolver.MAX_OPEN_TRIES) {
                remove(left);
            }
        }
    }

    private void remove(Try finished) {
        open.remove(finished);
        finished.close(resolver);
    }

    private static void cancel(@Nullable Future<?> timer) {
        if (timer != null) {
            timer.cancel(false);
        }
    }
}
