package dev.drover.dns;

import dev.drover.dns.path.Faults;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;

/** Logs one fault in ten seconds, so that no sender of packets can fill the log; the counter has them all. */
final class FaultLog implements Faults {
    private static final long PAUSE_NS = TimeUnit.SECONDS.toNanos(10);

    private final Logger log;
    private final AtomicLong quietUntilNs = new AtomicLong(System.nanoTime());

    FaultLog(Logger log) {
        this.log = log;
    }

    @Override
    public void onFault(Throwable fault) {
        long now = System.nanoTime();
        long quietUntil = quietUntilNs.get();
        if (now - quietUntil >= 0 && quietUntilNs.compareAndSet(quietUntil, now + PAUSE_NS)) {
            log.error("dns query failed, more of the same is not logged for 10 s", fault);
        }
    }
}
