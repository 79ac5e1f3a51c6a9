package dev.drover.lb.tls;

import dev.drover.lb.TargetTlsConfig;
import dev.drover.lb.path.Certificates;
import dev.drover.lb.path.TargetTls;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolConfig.Protocol;
import io.netty.handler.ssl.ApplicationProtocolConfig.SelectedListenerFailureBehavior;
import io.netty.handler.ssl.ApplicationProtocolConfig.SelectorFailureBehavior;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import org.jspecify.annotations.Nullable;

/**
 * The files of one pool's TLS with its targets and what was made of them: for the lanes, and for health checks, which ask
 * with the same eyes. Used by one thread at a time but for {@link #connect}; {@link #read} replaces nothing when it fails.
 */
public final class TargetTlsStore {
    private static final String VERIFY_NAME = "HTTPS";
    private static final char[] NO_PASSWORD = {};

    private final TargetTlsConfig config;
    private final boolean http2;
    private String seen = "";
    private volatile @Nullable Made current;

    private record Made(TargetTls lanes, SSLContext checks) {}

    /** @param http2 whether connections of the lanes must be of HTTP/2, which is agreed on by ALPN (RFC 7301) */
    public TargetTlsStore(TargetTlsConfig config, boolean http2) {
        this.config = config;
        this.http2 = http2;
    }

    public boolean http2() {
        return http2;
    }

    public TargetTlsConfig config() {
        return config;
    }

    /** For the lanes; what was read last, or one that lets no connection come about. */
    public TargetTls current() {
        Made made = current;
        return made == null ? TargetTls.UNUSABLE : made.lanes;
    }

    /** Whether there is something to connect with. */
    public boolean usable() {
        return current != null;
    }

    /** Whether files have changed since they were read. */
    public boolean stale() {
        return !signature().equals(seen);
    }

    /**
     * Reads all files and makes them current.
     *
     * @throws IllegalArgumentException {@code target-tls.…: value (expected: …)}; what was current stays
     */
    public void read() {
        seen = signature();
        X509Certificate[] authorities = config.ca() == null ? null : PemFile.certificates("target-tls.ca", config.ca());
        X509Certificate[] chain = null;
        PrivateKey key = null;
        if (config.own() != null) {
            chain = PemFile.certificates("target-tls.certificate", config.own().certificate());
            key = PemFile.privateKey("target-tls.key", config.own().key());
        }
        try {
            TrustManager trust = new TargetTrust(config, authorities);
            SslContextBuilder lanes = SslContextBuilder.forClient()
                    .sslProvider(OpenSsl.isAvailable() ? SslProvider.OPENSSL : SslProvider.JDK)
                    .protocols("TLSv1.3", "TLSv1.2")
                    .trustManager(trust)
                    .keyManager(key, chain);
            if (http2) {
                lanes.applicationProtocolConfig(new ApplicationProtocolConfig(
                        Protocol.ALPN,
                        SelectorFailureBehavior.NO_ADVERTISE,
                        SelectedListenerFailureBehavior.ACCEPT,
                        Certificates.HTTP_2));
            }
            SSLContext checks = SSLContext.getInstance("TLS");
            checks.init(keyManagers(chain, key), new TrustManager[] {trust}, null);
            current = new Made(new TargetTls(lanes.build(), config.name(), identification()), checks);
        } catch (GeneralSecurityException | SSLException | IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "target-tls: cannot be used: " + e.getMessage()
                            + " (expected: authorities, and a certificate with its own key)",
                    e);
        } catch (IOException e) {
            throw new IllegalArgumentException("target-tls: " + e.getMessage(), e);
        }
    }

    /** A pin without authority says who the target is by itself, whatever the name. */
    private String identification() {
        return config.verify() && (config.ca() != null || config.pins().isEmpty()) ? VERIFY_NAME : "";
    }

    private static KeyManager @Nullable [] keyManagers(X509Certificate @Nullable [] chain, @Nullable PrivateKey key)
            throws GeneralSecurityException, IOException {
        if (chain == null || key == null) {
            return null;
        }
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        store.setKeyEntry("own", key, NO_PASSWORD, chain);
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(store, NO_PASSWORD);
        return keys.getKeyManagers();
    }

    /**
     * Encrypts the connection of a health check; any thread. Blocks for the handshake, each read as long as the socket's
     * timeout.
     *
     * @param protocol for ALPN; null for none
     * @throws IOException when the target is not who it should be, or does not speak TLS
     */
    public Socket connect(Socket connected, InetSocketAddress target, @Nullable String protocol) throws IOException {
        Made made = current;
        if (made == null) {
            throw new IOException("target-tls cannot be used");
        }
        String peer = config.name() == null ? target.getAddress().getHostAddress() : config.name();
        SSLSocket socket =
                (SSLSocket) made.checks.getSocketFactory().createSocket(connected, peer, target.getPort(), true);
        SSLParameters parameters = socket.getSSLParameters();
        if (config.name() != null) {
            parameters.setServerNames(List.of(new SNIHostName(config.name())));
        }
        parameters.setEndpointIdentificationAlgorithm(identification());
        if (protocol != null) {
            parameters.setApplicationProtocols(new String[] {protocol});
        }
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        return socket;
    }

    private String signature() {
        StringBuilder text = new StringBuilder();
        if (config.ca() != null) {
            text.append(FileSignature.of(config.ca()));
        }
        if (config.own() != null) {
            for (Path path : List.of(config.own().certificate(), config.own().key())) {
                text.append(FileSignature.of(path));
            }
        }
        return text.toString();
    }
}
