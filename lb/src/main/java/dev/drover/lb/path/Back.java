package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFuture;

/**
 * The target's side of an {@link Exchange}: a connection of HTTP/1.1 ({@link HttpBack}) or a stream of HTTP/2. Takes a
 * request in the form {@link Front} describes, and gives the response by the {@code on…} methods of the exchange. Called
 * on the lane of the exchange only.
 */
interface Back {
    /** How an exchange lost its back. */
    enum Failure {
        CONNECT,
        /** Nothing of the request has reached the kernel, or the target says that it has not looked at it. */
        UNSENT,
        CLOSED,
        INVALID,
        TIMEOUT,
        /** No response within the time of one attempt. */
        SLOW,
        TARGET_REMOVED;

        /** Whether it speaks against the target. */
        boolean ofTarget() {
            return this != UNSENT && this != TARGET_REMOVED;
        }
    }

    Target target();

    /** Whether the connection has carried a request before this one. */
    boolean reused();

    /** Whether any byte of a response to this request has come. */
    boolean answered();

    /** Begins a request; the connection may still be under way, and says by {@link Exchange#onConnected} when not. */
    void attach(Exchange owner);

    /** The head, and then pieces of the body; takes them over. */
    void write(ByteBuf piece);

    /** As {@link #write}; the future tells whether the kernel took it. */
    ChannelFuture writeObserved(ByteBuf piece);

    void flush();

    boolean isWritable();

    /** Whether more of the response is wanted. */
    void read(boolean on);

    /** The exchange has no more interest. */
    void abandon();
}
