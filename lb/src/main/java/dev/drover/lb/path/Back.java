package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFuture;
import org.jspecify.annotations.Nullable;

/**
 * The target's side of an {@link Exchange}: a connection of HTTP/1.1 ({@link HttpBack}) or a stream of HTTP/2 ({@link
 * H2BackStream}). Takes a
 * request in the form {@link Front} describes, and gives the response by the {@code on…} methods of the exchange. Called
 * on the lane of the exchange only.
 */
interface Back {
    /** How an exchange lost its back. */
    enum Failure {
        CONNECT,
        /** Nothing of the request has reached the kernel. */
        UNSENT,
        /** The target says that it has not looked at the request: GOAWAY or REFUSED_STREAM (RFC 9113 section 8.7). */
        REFUSED,
        /** The target takes no heads as long as that of the request (RFC 9113 section 10.5.1). */
        HEAD_TOO_LARGE,
        CLOSED,
        INVALID,
        TIMEOUT,
        /** No response within the time of one attempt. */
        SLOW,
        TARGET_REMOVED;

        /** Whether it speaks against the target. */
        boolean ofTarget() {
            return this != UNSENT && this != HEAD_TOO_LARGE && this != TARGET_REMOVED;
        }
    }

    Target target();

    /** Whether the connection had rested since another request, so that the target may have closed it meanwhile. */
    boolean reused();

    /** Whether any byte of a response to this request has come. */
    boolean answered();

    /** Begins a request; the connection may still be under way, and says by {@link Exchange#onConnected} when not. */
    void attach(Exchange owner);

    /** The head, and then pieces of the body; takes them over. */
    void write(ByteBuf piece);

    /**
     * As {@link #write}, for a head that must not be sent twice unless it is certain that the target has not looked at it: the
     * future tells whether the kernel took it. Null when the target itself tells, by {@link Failure#REFUSED}.
     */
    @Nullable
    ChannelFuture writeObserved(ByteBuf piece);

    void flush();

    boolean isWritable();

    /** Whether more of the response is wanted. */
    void read(boolean on);

    /** The exchange has no more interest. */
    void abandon();
}
