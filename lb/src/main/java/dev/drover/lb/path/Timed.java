package dev.drover.lb.path;

import io.netty.channel.ChannelInboundHandlerAdapter;
import org.jspecify.annotations.Nullable;

/**
 * A handler in its lane's list, with at most one time limit running. Moving a limit is a plain store: the lane compares
 * all of them a few times a second, so no timer is made per request.
 */
abstract class Timed extends ChannelInboundHandlerAdapter {
    static final long NEVER = Long.MAX_VALUE;

    @Nullable
    Timed previous;

    @Nullable
    Timed next;

    /** {@link System#nanoTime()} at which {@link #onDeadline} is called, or {@link #NEVER}. */
    long deadlineNs = NEVER;

    /** Called once the deadline has passed; it has been set to {@link #NEVER} before. */
    abstract void onDeadline(long nowNs);

    /** Closes the connection without regard to what is under way. */
    abstract void closeNow();

    /** As {@link #closeNow}, and nothing new may be begun for what was under way. */
    void shutDown() {
        closeNow();
    }

    /** A target left the configuration ({@code removed}) or takes no new work (otherwise). */
    void onTargetGone(Target target, boolean removed, long nowNs) {}

    /** The listener of {@code server} was closed; what lives on it must end by {@code endNs}. */
    void onServerRetired(VirtualServer server, long endNs) {}
}
