package dev.drover.dns.path;

import dev.drover.dataplane.SocketName;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Limits how many replies a second leave for one network, against those who forge the addresses of others to have us flood
 * them: a bucket of one second's replies for each prefix, in a table of fixed size. A prefix that meets another's place
 * takes it. Any lane may call it; no lock.
 *
 * <pre>
 *  bucket: | prefix, hashed (16) | microseconds of the last refill (32) | replies left (16) |
 * </pre>
 */
public final class ResponseRate {
    /**
     * The rule.
     *
     * @param perSecond replies to one prefix, 0 for no limit, at most {@value #MAX_PER_SECOND}
     * @param slip of the replies above it, one in so many goes out empty and truncated, so that who is really there comes
     *     back by TCP (0: none)
     * @param ipv4Prefix bits of IPv4 addresses that make a network
     * @param ipv6Prefix the same of IPv6 addresses
     */
    public record Rule(int perSecond, int slip, int ipv4Prefix, int ipv6Prefix) {
        public static final int MAX_PER_SECOND = 65_535;
        public static final Rule NONE = new Rule(0, 2, 24, 56);
    }

    private static final int BUCKETS = 1 << 16;
    private static final int TAG_SHIFT = 48;
    private static final int TIME_SHIFT = 16;
    private static final long LEFT_MASK = 0xffff;
    private static final long SECOND_US = 1_000_000;
    private static final long MIX = 0x9e3779b97f4a7c15L;

    private final Rule rule;
    private final AtomicLongArray buckets;
    private final AtomicInteger slips = new AtomicInteger();
    private final long seed = ThreadLocalRandom.current().nextLong();

    public ResponseRate(Rule rule) {
        this.rule = rule;
        this.buckets = new AtomicLongArray(rule.perSecond() == 0 ? 0 : BUCKETS);
    }

    public Rule rule() {
        return rule;
    }

    /** Whether there is a limit at all. */
    boolean isOn() {
        return rule.perSecond() > 0;
    }

    /**
     * Whether one more reply may go to a client. Does not allocate.
     *
     * @param high upper half of its address, as {@link SocketName} reads it
     * @param low lower half
     */
    boolean take(long high, long low, long nowUs) {
        long hash = hash(high, low);
        int bucket = (int) hash & BUCKETS - 1;
        long tag = hash >>> TAG_SHIFT;
        while (true) {
            long old = buckets.get(bucket);
            long next = next(old, tag, nowUs);
            if (next == old) {
                return false;
            }
            if (buckets.compareAndSet(bucket, old, next)) {
                return true;
            }
        }
    }

    /** The bucket after one more reply; the same when there is none left. */
    private long next(long old, long tag, long nowUs) {
        int now = (int) nowUs;
        int last = (int) (old >>> TIME_SHIFT);
        long left = old & LEFT_MASK;
        long elapsedUs = now - last & 0xffff_ffffL;
        if (old == 0 || old >>> TAG_SHIFT != tag || elapsedUs >= SECOND_US) {
            left = rule.perSecond();
            last = now;
        } else {
            long come = elapsedUs * rule.perSecond() / SECOND_US;
            left = Math.min(rule.perSecond(), left + come);
            last += (int) Math.ceilDiv(come * SECOND_US, rule.perSecond()); // what has come is not to come again
        }
        return left == 0 ? old : tag << TAG_SHIFT | (last & 0xffff_ffffL) << TIME_SHIFT | left - 1;
    }

    /** Whether this reply above the limit is one that goes out truncated. */
    boolean slips() {
        return rule.slip() > 0 && Math.floorMod(slips.getAndIncrement(), rule.slip()) == 0;
    }

    private long hash(long high, long low) {
        if (SocketName.isIpv4(high, low)) {
            return mix(mix(seed) ^ low & upper(Integer.SIZE + rule.ipv4Prefix()));
        }
        int bits = rule.ipv6Prefix();
        return mix(mix(seed ^ high & upper(Math.min(Long.SIZE, bits))) ^ low & upper(Math.max(0, bits - Long.SIZE)));
    }

    /** A mask of the upper bits of a word. */
    private static long upper(int bits) {
        return bits == 0 ? 0 : -1L << Long.SIZE - bits;
    }

    private static long mix(long value) {
        long mixed = value * MIX;
        return mixed ^ mixed >>> Integer.SIZE;
    }
}
