package dev.drover.lb.path;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.unix.Socket;
import io.netty.channel.unix.UnixChannel;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.handler.ssl.SslHandler;
import java.io.IOException;
import java.nio.channels.NotYetConnectedException;

/** Ends of connections, with TLS and without. */
final class Closing {
    private Closing() {}

    /** Whether {@code event} tells that the other side will send no more. */
    static boolean inputEnded(Object event) {
        return event == ChannelInputShutdownEvent.INSTANCE || event instanceof SslCloseCompletionEvent;
    }

    /** Ends what is sent: with TLS by close_notify, without which an end looks like an attack (RFC 8446 section 6.1). */
    static void endOutput(Channel channel) {
        SslHandler tls = channel.pipeline().get(SslHandler.class);
        if (tls == null) {
            shutdownOutput(channel);
        } else {
            tls.closeOutbound().addListener(sent -> shutdownOutput(channel));
        }
    }

    /** {@link #endOutput}, after which nothing that comes in is of interest but the end of it, at which the channel closes. */
    static void endOutputAndClose(Channel channel) {
        // Otherwise the channel would end the input of a connection that is no more, with an exception for each.
        channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, false);
        endOutput(channel);
    }

    /**
     * As the channel itself would, which makes an exception with a stack trace for what is still to be written: a tenth of
     * the CPU of a short connection. Here that is nothing as a rule.
     */
    private static void shutdownOutput(Channel channel) {
        ChannelOutboundBuffer pending = channel.unsafe().outboundBuffer();
        if (pending == null
                || !pending.isEmpty()
                || !(channel instanceof UnixChannel unix)
                || !(unix.fd() instanceof Socket socket)) {
            ((DuplexChannel) channel).shutdownOutput(channel.unsafe().voidPromise());
            return;
        }
        try {
            socket.shutdown(false, true);
        } catch (IOException | NotYetConnectedException e) {
            channel.close();
        }
    }

    /** Resets at once, without what is still to be sent and without close_notify: what was sent must not look whole. */
    static void reset(Channel channel) {
        channel.config().setOption(ChannelOption.SO_LINGER, 0);
        channel.pipeline().firstContext().close();
    }
}
