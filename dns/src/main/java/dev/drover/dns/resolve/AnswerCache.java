package dev.drover.dns.resolve;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Answers of upstreams, one table for all lanes: what one lane has learned serves the others, and 16 lanes keep no 16
 * copies. Set-associative: a question hashes to one set of eight places, so a reader looks at eight references, takes no
 * lock and writes nothing but the mark of an answer's first hits. Writers, which just spoke with an upstream, replace a
 * place by compare-and-set; who loses that race drops its answer, the other's is as new. A set that is full gives up what
 * is past its time first, then what was not asked for since the hand of the clock came by last; the same hand keeps the
 * whole below its bytes.
 */
public final class AnswerCache {
    private static final int WAYS = 8;
    /** An answer with a few records, and what Java adds to it. */
    private static final int TYPICAL_BYTES = 512;

    private final CachePolicy policy;
    private final AtomicReferenceArray<@Nullable UpstreamAnswer> places;
    private final int lastSet;
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicInteger entries = new AtomicInteger();
    private final AtomicInteger hand = new AtomicInteger();

    public AnswerCache(CachePolicy policy) {
        this.policy = policy;
        long wanted = Math.max(1, policy.bytes() / TYPICAL_BYTES / WAYS);
        int sets = (int) Math.min(1 << 24, Long.highestOneBit(wanted));
        this.places = new AtomicReferenceArray<>(sets * WAYS);
        this.lastSet = sets - 1;
    }

    public CachePolicy policy() {
        return policy;
    }

    /** Answers kept. */
    public int entries() {
        return entries.get();
    }

    /** About the memory they take. */
    public long bytes() {
        return bytes.get();
    }

    /**
     * What is known of a question, {@linkplain UpstreamAnswer#isFresh fresh} or past its time, or null.
     *
     * @param asked name, type and class, in whatever case
     */
    public @Nullable UpstreamAnswer find(byte[] asked, boolean dnssecOk, boolean checkingDisabled, long nowNs) {
        UpstreamAnswer answer = peek(asked, asked.length, dnssecOk, checkingDisabled, nowNs);
        if (answer != null) {
            answer.hit();
        }
        return answer;
    }

    /**
     * As {@link #find}, but counts no {@linkplain UpstreamAnswer#hit hit}. Does not allocate.
     *
     * @param length of the question at the front of {@code asked}
     */
    public @Nullable UpstreamAnswer peek(
            byte[] asked, int length, boolean dnssecOk, boolean checkingDisabled, long nowNs) {
        long hash = Question.hash(asked, length, dnssecOk, checkingDisabled);
        int first = firstPlace(hash);
        for (int i = first; i < first + WAYS; i++) {
            UpstreamAnswer answer = places.getAcquire(i);
            if (answer != null
                    && answer.question.hash == hash
                    && answer.question.matches(asked, length, dnssecOk, checkingDisabled)) {
                return answer.isUsable(nowNs, policy.staleSeconds()) ? answer : null;
            }
        }
        return null;
    }

    /** Keeps an answer in place of the older one to its question, if it may be kept at all. */
    void store(UpstreamAnswer answer) {
        if (answer.ttlSeconds == 0 || answer.heapBytes() > policy.bytes()) {
            return;
        }
        int place = placeFor(answer);
        UpstreamAnswer old = places.getAcquire(place);
        if (places.compareAndSet(place, old, answer)) {
            account(old, answer);
            // Twice around meets every mark cleared by the first time.
            for (int turns = 2 * places.length(); bytes.get() > policy.bytes() && turns > 0; turns--) {
                turnHand();
            }
        }
    }

    private int firstPlace(long hash) {
        return ((int) (hash >>> 32) & lastSet) * WAYS;
    }

    private int placeFor(UpstreamAnswer answer) {
        int first = firstPlace(answer.question.hash);
        int free = -1;
        int over = -1;
        int unused = -1;
        for (int i = first; i < first + WAYS; i++) {
            UpstreamAnswer there = places.getAcquire(i);
            if (there == null) {
                free = i;
            } else if (there.question.equals(answer.question)) {
                return i;
            } else if (!there.isFresh(answer.storedNs)) {
                over = i;
            } else if (unused < 0 && !there.takeUsed()) {
                unused = i;
            }
        }
        if (free >= 0) {
            return free;
        }
        if (over >= 0) {
            return over;
        }
        return unused >= 0 ? unused : first + (int) (answer.question.hash & WAYS - 1);
    }

    private void turnHand() {
        int place = Math.floorMod(hand.getAndIncrement(), places.length());
        UpstreamAnswer there = places.getAcquire(place);
        if (there != null && !there.takeUsed() && places.compareAndSet(place, there, null)) {
            account(there, null);
        }
    }

    private void account(@Nullable UpstreamAnswer gone, @Nullable UpstreamAnswer come) {
        if (gone != null) {
            bytes.addAndGet(-gone.heapBytes());
            entries.decrementAndGet();
        }
        if (come != null) {
            bytes.addAndGet(come.heapBytes());
            entries.incrementAndGet();
        }
    }
}
