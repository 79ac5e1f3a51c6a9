package dev.drover.lb.path;

import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import java.net.InetSocketAddress;
import java.util.List;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import org.jspecify.annotations.Nullable;

/** How connections to targets of a pool are encrypted. */
public final class TargetTls {
    /** For a pool whose TLS cannot be used: nothing is sent to its targets. */
    public static final TargetTls UNUSABLE = new TargetTls(null, null, "");

    private final @Nullable SslContext context;
    private final @Nullable String name;
    private final String identification;

    /**
     * @param name asked for and verified; null for none and the address
     * @param identification algorithm that compares certificate and name, {@code HTTPS} (RFC 9110 section 4.3.4) or empty
     */
    public TargetTls(@Nullable SslContext context, @Nullable String name, String identification) {
        this.context = context;
        this.name = name;
        this.identification = identification;
    }

    /** The handler of a new connection; null when there must be none. */
    @Nullable
    SslHandler handler(ByteBufAllocator allocator, InetSocketAddress target, long timeoutMs) {
        if (context == null) {
            return null;
        }
        String peer = name == null ? target.getAddress().getHostAddress() : name;
        SslHandler handler = context.newHandler(allocator, peer, target.getPort());
        SSLEngine engine = handler.engine();
        SSLParameters parameters = engine.getSSLParameters();
        if (name != null) {
            parameters.setServerNames(List.of(new SNIHostName(name)));
        }
        parameters.setEndpointIdentificationAlgorithm(identification);
        engine.setSSLParameters(parameters);
        handler.setHandshakeTimeoutMillis(timeoutMs);
        return handler;
    }
}
