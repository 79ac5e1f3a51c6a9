package dev.drover.lb.path;

import io.netty.channel.Channel;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Who a client connection is from, whatever lies between.
 *
 * @param client address of the client
 * @param local address the client wanted
 * @param tls null without TLS
 * @param believed whether what its requests say of whom they are for is true
 */
record Caller(
        InetSocketAddress client,
        InetSocketAddress local,
        @Nullable Tls tls,
        boolean believed) {
    /** The certificate a connection showed, among those it could have. */
    record Tls(Certificates certificates, Certificates.Entry shown) {}

    static Caller of(Channel channel) {
        return new Caller(
                (InetSocketAddress) channel.remoteAddress(), (InetSocketAddress) channel.localAddress(), null, false);
    }

    Caller over(Tls with) {
        return new Caller(client, local, with, believed);
    }

    /** @param forwarders who is believed; null for nobody */
    Caller amongst(@Nullable Networks forwarders) {
        return new Caller(client, local, tls, forwarders != null && forwarders.contains(client.getAddress()));
    }
}
