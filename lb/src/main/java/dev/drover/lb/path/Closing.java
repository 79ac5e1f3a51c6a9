package dev.drover.lb.path;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.handler.ssl.SslHandler;

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
            ((DuplexChannel) channel).shutdownOutput(channel.unsafe().voidPromise());
        } else {
            tls.closeOutbound()
                    .addListener(sent -> ((DuplexChannel) channel)
                            .shutdownOutput(channel.unsafe().voidPromise()));
        }
    }

    /** Resets at once, without what is still to be sent and without close_notify: what was sent must not look whole. */
    static void reset(Channel channel) {
        channel.config().setOption(ChannelOption.SO_LINGER, 0);
        channel.pipeline().firstContext().close();
    }
}
