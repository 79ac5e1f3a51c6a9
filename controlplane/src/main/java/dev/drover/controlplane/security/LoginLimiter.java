package dev.drover.controlplane.security;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * Slows down guessing: a token bucket for each source and one for all together. A login that succeeds gives its tokens
 * back. Bounded memory: of many sources the least recent is forgotten. Safe for any number of threads.
 */
final class LoginLimiter {
    private static final int MAX_SOURCES = 10_000;
    private static final double SOURCE_BURST = 10;
    private static final double SOURCE_PER_SECOND = 0.2;
    private static final double GLOBAL_BURST = 200;
    private static final double GLOBAL_PER_SECOND = 20;

    private final LongSupplier nanoTime;
    private final Bucket global;
    private final Map<String, Bucket> sources = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Bucket> eldest) {
            return size() > MAX_SOURCES;
        }
    };

    LoginLimiter(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.global = new Bucket(GLOBAL_BURST, GLOBAL_PER_SECOND, nanoTime.getAsLong());
    }

    /** @return 0 when the attempt may go on, else the seconds to wait */
    synchronized long tryAcquire(String source) {
        long nowNs = nanoTime.getAsLong();
        Bucket bucket = sources.computeIfAbsent(source, s -> new Bucket(SOURCE_BURST, SOURCE_PER_SECOND, nowNs));
        long waitSeconds = Math.max(bucket.waitSeconds(nowNs), global.waitSeconds(nowNs));
        if (waitSeconds == 0) {
            bucket.tokens--;
            global.tokens--;
        }
        return waitSeconds;
    }

    synchronized void succeeded(String source) {
        Bucket bucket = sources.get(source);
        if (bucket != null) {
            bucket.giveBack();
        }
        global.giveBack();
    }

    synchronized int sources() {
        return sources.size();
    }

    private static final class Bucket {
        private final double burst;
        private final double perSecond;
        private double tokens;
        private long filledAtNs;

        Bucket(double burst, double perSecond, long nowNs) {
            this.burst = burst;
            this.perSecond = perSecond;
            this.tokens = burst;
            this.filledAtNs = nowNs;
        }

        long waitSeconds(long nowNs) {
            tokens = Math.min(burst, tokens + (nowNs - filledAtNs) / 1e9 * perSecond);
            filledAtNs = nowNs;
            return tokens >= 1 ? 0 : (long) Math.ceil((1 - tokens) / perSecond);
        }

        void giveBack() {
            tokens = Math.min(burst, tokens + 1);
        }
    }
}
