package dev.drover.lb;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * TLS with the clients of a listener. Files are read when the configuration is applied, and again when they change.
 *
 * @param certificates at least one; a client gets the one whose names (subjectAltName, wildcards too) fit the server
 *     name it asks for
 * @param defaultName a name of the certificate for clients that ask for none, or for one that no certificate has; null
 *     for the first certificate
 * @param clientCa authorities of the certificates that clients must show (mTLS); null to ask for none
 * @param strict whether clients that ask for no name, or for one that no certificate has, are refused
 * @param stapling where answers on the standing of the certificates come from
 */
public record TlsConfig(
        List<Certificate> certificates,
        @Nullable String defaultName,
        Version minVersion,
        @Nullable Path clientCa,
        boolean strict,
        Stapling stapling) {
    /** Where the answer comes from that a certificate is not revoked (OCSP, RFC 6960), shown with it (RFC 6066 section 8). */
    public enum Stapling {
        /** Nothing is shown. */
        OFF,
        /** From a file beside each certificate, named as that with {@code .ocsp} behind; DER. */
        FILE,
        /** From the responder that the certificate names, asked in time. */
        FETCH
    }

    /** Versions of TLS; older ones are not served (RFC 8996). */
    public enum Version {
        TLS_1_2,
        TLS_1_3
    }

    /**
     * A certificate and its key.
     *
     * @param certificate PEM: the certificate, then those that lead from it to its authority
     * @param key PEM, PKCS #8, not encrypted, readable by its owner only
     */
    public record Certificate(Path certificate, Path key) {}

    public TlsConfig {
        certificates = List.copyOf(certificates);
        if (certificates.isEmpty()) {
            throw new IllegalArgumentException("tls.certificates: none (expected: at least one)");
        }
        if (strict && defaultName != null) {
            throw new IllegalArgumentException(
                    "tls.strict-sni: with tls.default " + defaultName + " (expected: one of both)");
        }
    }

    /** Without answers on the standing of certificates. */
    public TlsConfig(
            List<Certificate> certificates,
            @Nullable String defaultName,
            Version minVersion,
            @Nullable Path clientCa,
            boolean strict) {
        this(certificates, defaultName, minVersion, clientCa, strict, Stapling.OFF);
    }

    /** With a certificate for every client. */
    public TlsConfig(
            List<Certificate> certificates, @Nullable String defaultName, Version minVersion, @Nullable Path clientCa) {
        this(certificates, defaultName, minVersion, clientCa, false);
    }

    /** With TLS 1.2 or newer, the first certificate as the default, and no certificates of clients. */
    public TlsConfig(List<Certificate> certificates) {
        this(certificates, null, Version.TLS_1_2, null);
    }

    /** A copy that shows such answers. */
    public TlsConfig withStapling(Stapling from) {
        return new TlsConfig(certificates, defaultName, minVersion, clientCa, strict, from);
    }
}
