package dev.drover.lb.path;

import java.util.List;

/**
 * What holds for the requests of a listener beside its routes, as the hot code wants it.
 *
 * @param limits of its clients
 * @param log one for each lane; empty for no access log
 * @param slowNs from which on a request counts as slow
 * @param traceSample -1 to leave requests without a trace as they are; else each gets one, and this many in a hundred of
 *     them are marked to be recorded
 * @param sessions of UDP
 */
public record ListenerPolicy(
        ListenerLimits limits, List<AccessQueue> log, long slowNs, int traceSample, SessionPolicy sessions) {
    /** Nothing but what is always done. */
    public static final ListenerPolicy PLAIN =
            new ListenerPolicy(ListenerLimits.NONE, List.of(), 1_000_000_000, -1, SessionPolicy.NONE);
}
