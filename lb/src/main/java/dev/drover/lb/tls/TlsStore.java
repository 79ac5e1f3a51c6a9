package dev.drover.lb.tls;

import dev.drover.lb.TlsConfig;
import dev.drover.lb.path.Certificates;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolConfig.Protocol;
import io.netty.handler.ssl.ApplicationProtocolConfig.SelectedListenerFailureBehavior;
import io.netty.handler.ssl.ApplicationProtocolConfig.SelectorFailureBehavior;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.LongAdder;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of one listener's TLS and what was made of them. Used by one thread at a time; {@link #read} replaces
 * nothing when it fails.
 */
public final class TlsStore {
    private static final Logger LOG = LoggerFactory.getLogger(TlsStore.class);
    private static final int DNS_NAME = 2;

    private final TlsConfig config;
    private final boolean http;
    private final TicketKeys tickets = new TicketKeys();
    private String seen = "";
    private @Nullable Certificates current;
    private List<OcspSource> sources = List.of();
    private final LongAdder staplesRefused = new LongAdder();

    /** @param http offers h2 and http/1.1 by ALPN (RFC 7301); else nothing */
    public TlsStore(TlsConfig config, boolean http) {
        this.config = config;
        this.http = http;
    }

    public TlsConfig config() {
        return config;
    }

    public boolean http() {
        return http;
    }

    /** What was read last; null before. */
    public @Nullable Certificates current() {
        return current;
    }

    /**
     * Reads all files and makes them current.
     *
     * @throws IllegalArgumentException {@code tls.…: value (expected: …)}; what was current stays
     */
    public Certificates read() {
        seen = signature();
        List<Certificates.Entry> entries = new ArrayList<>();
        List<OcspSource> stapled = new ArrayList<>();
        X509Certificate[] authorities =
                config.clientCa() == null ? null : PemFile.certificates("tls.client-ca", config.clientCa());
        for (int i = 0; i < config.certificates().size(); i++) {
            TlsConfig.Certificate files = config.certificates().get(i);
            entries.add(entry("tls.certificates[" + i + "]", files, authorities, stapled));
        }
        Certificates.Entry fallback = config.strict() ? null : entries.getFirst();
        String name = config.defaultName();
        Certificates next = new Certificates(entries, fallback);
        if (name != null) {
            Certificates.Entry named = next.named(name.toLowerCase(Locale.ROOT));
            if (named == null) {
                throw new IllegalArgumentException("tls.default: " + name + " (expected: a name of a certificate)");
            }
            next = new Certificates(entries, named);
        }
        current = next;
        sources.stream().filter(source -> !stapled.contains(source)).forEach(OcspSource::close);
        sources = stapled;
        staple();
        return next;
    }

    /** Has answers on the standing of certificates read, or asked for, where it is time. */
    public void staple() {
        Instant now = Instant.now();
        sources.forEach(source -> source.look(now));
    }

    /** Answers on the standing of certificates that could not be had, or not be shown. */
    public long staplesRefused() {
        return staplesRefused.sum();
    }

    /** Ends what keeps answers fresh. */
    public void close() {
        sources.forEach(OcspSource::close);
        sources = List.of();
    }

    /** That of the same certificate until now, which has its answer, or a new one; null where nothing is to be shown. */
    private @Nullable OcspSource source(X509Certificate[] chain, TlsConfig.Certificate files) {
        if (config.stapling() == TlsConfig.Stapling.OFF || !OpenSsl.isOcspSupported()) {
            if (config.stapling() != TlsConfig.Stapling.OFF) {
                LOG.warn("ocsp nothing is stapled certificate={}: TLS of the JDK", files.certificate());
            }
            if (OcspSource.demanded(chain[0])) {
                LOG.warn(
                        "ocsp certificate={} demands a staple, clients may refuse it (expected: tls.ocsp file or fetch)",
                        files.certificate());
            }
            return null;
        }
        for (OcspSource source : sources) {
            if (source.of(chain)) {
                return source;
            }
        }
        return new OcspSource(chain, files.certificate(), config.stapling(), staplesRefused);
    }

    private Certificates.Entry entry(
            String at,
            TlsConfig.Certificate files,
            X509Certificate @Nullable [] authorities,
            List<OcspSource> stapled) {
        X509Certificate[] chain = PemFile.certificates(at + ".certificate", files.certificate());
        PrivateKey key = PemFile.privateKey(at + ".key", files.key());
        if (!fit(key, chain[0].getPublicKey())) {
            throw new IllegalArgumentException(
                    at + ".key: " + files.key() + " is not the key of " + files.certificate() + " (expected: its key)");
        }
        try {
            SslContextBuilder builder = SslContextBuilder.forServer(key, chain)
                    .sslProvider(OpenSsl.isAvailable() ? SslProvider.OPENSSL : SslProvider.JDK)
                    .protocols(
                            config.minVersion() == TlsConfig.Version.TLS_1_3
                                    ? List.of("TLSv1.3")
                                    : List.of("TLSv1.3", "TLSv1.2"));
            if (http) {
                builder.applicationProtocolConfig(new ApplicationProtocolConfig(
                        Protocol.ALPN,
                        SelectorFailureBehavior.NO_ADVERTISE,
                        SelectedListenerFailureBehavior.ACCEPT,
                        Certificates.HTTP_2,
                        Certificates.HTTP_1_1));
            }
            if (authorities != null) {
                builder.trustManager(authorities).clientAuth(ClientAuth.REQUIRE);
            }
            OcspSource source = source(chain, files);
            if (source != null) {
                stapled.add(source);
                builder.enableOcsp(true);
            }
            SslContext context = builder.build();
            byte[] policy = policy(chain[0], authorities);
            tickets.give(context, policy);
            return new Certificates.Entry(
                    context,
                    policy,
                    names(chain[0]),
                    chain[0].getNotAfter().toInstant().toEpochMilli(),
                    source == null ? null : source.staple());
        } catch (SSLException e) {
            throw new IllegalArgumentException(
                    at + ": " + files.certificate() + " cannot be used: " + e.getMessage()
                            + " (expected: a certificate for TLS)",
                    e);
        }
    }

    /** Names of subjectAltName; the common name counts no more (RFC 9525). */
    private static List<String> names(X509Certificate certificate) {
        List<String> names = new ArrayList<>();
        try {
            if (certificate.getSubjectAlternativeNames() != null) {
                for (List<?> name : certificate.getSubjectAlternativeNames()) {
                    if (name.get(0) instanceof Integer type && type == DNS_NAME) {
                        names.add(((String) name.get(1)).toLowerCase(Locale.ROOT));
                    }
                }
            }
        } catch (CertificateParsingException e) {
            return List.of();
        }
        return names;
    }

    private static boolean fit(PrivateKey key, PublicKey certified) {
        String algorithm = switch (key.getAlgorithm()) {
            case "RSA" -> "SHA256withRSA";
            case "EC" -> "SHA256withECDSA";
            default -> "Ed25519";
        };
        try {
            byte[] text = {1, 2, 3};
            Signature signature = Signature.getInstance(algorithm);
            signature.initSign(key);
            signature.update(text);
            byte[] signed = signature.sign();
            signature.initVerify(certified);
            signature.update(text);
            return signature.verify(signed);
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    private static byte[] policy(X509Certificate certificate, X509Certificate @Nullable [] authorities) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(certificate.getEncoded());
            for (X509Certificate authority : authorities == null ? new X509Certificate[0] : authorities) {
                digest.update(authority.getEncoded());
            }
            return digest.digest();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("SHA-256: missing (expected: in every JDK)", e);
        }
    }

    /** Whether files are other than when they were read last, well or not. */
    public boolean stale() {
        return !signature().equals(seen);
    }

    /** Begins a new ticket key. */
    public void turnTicketKeys() {
        tickets.turn();
        if (current != null) {
            current.entries().forEach(entry -> tickets.give(entry.context(), entry.policy()));
        }
    }

    private String signature() {
        StringBuilder text = new StringBuilder();
        config.certificates().forEach(files -> {
            text.append(FileSignature.of(files.certificate()));
            text.append(FileSignature.of(files.key()));
        });
        if (config.clientCa() != null) {
            text.append(FileSignature.of(config.clientCa()));
        }
        return text.toString();
    }
}
