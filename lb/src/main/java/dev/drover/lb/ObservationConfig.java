package dev.drover.lb;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What is told of the requests of a listener.
 *
 * @param accessLog null for none
 * @param slow from which duration on a request is kept among the slow ones
 * @param traceSample -1 to leave requests without {@code traceparent} as they are; else each gets one (W3C Trace Context), and
 *     this many in a hundred of these are marked to be recorded
 */
public record ObservationConfig(@Nullable AccessLogConfig accessLog, Duration slow, int traceSample) {
    /** No access log, slow from 1 s on, traces passed on and never made. */
    public static final ObservationConfig DEFAULTS = new ObservationConfig(null, Duration.ofSeconds(1), -1);

    public ObservationConfig {
        Ranges.time("slow", slow, Duration.ofMillis(1), Duration.ofHours(1));
        Ranges.number("trace.sample", traceSample, -1, 100);
    }

    /** A copy with an access log. */
    public ObservationConfig withAccessLog(@Nullable AccessLogConfig to) {
        return new ObservationConfig(to, slow, traceSample);
    }

    /** A copy that gives a trace to requests without one. */
    public ObservationConfig withTraceSample(int percent) {
        return new ObservationConfig(accessLog, slow, percent);
    }

    /** A copy with another notion of slow. */
    public ObservationConfig withSlow(Duration from) {
        return new ObservationConfig(accessLog, from, traceSample);
    }
}
