package dev.drover.node.link;

import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.function.UnaryOperator;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * TLS to a server that is known by the hash of its public key and nothing else: no certificate authority, no host name,
 * no validity period. An {@link X509ExtendedTrustManager} does all checks itself, so the JDK adds no host name check.
 */
public final class PinnedTls {
    private PinnedTls() {}

    /** @param pin SHA-256 of the SubjectPublicKeyInfo, base64url without padding */
    public static SSLContext context(String pin) {
        return context((UnaryOperator<String>) presented -> presented.equals(pin) ? "" : refusal(presented, pin));
    }

    /** @param verdict from the presented pin to why it is refused, empty to accept */
    public static SSLContext context(UnaryOperator<String> verdict) {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[] {new Manager(verdict)}, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("tls: cannot be set up: " + e.getMessage(), e);
        }
    }

    private static String refusal(String presented, String pin) {
        return "server key: " + presented + " (expected: " + pin + ", the key the token or login was made for)";
    }

    /** SHA-256 of the certificate's SubjectPublicKeyInfo, base64url without padding. */
    public static String pin(X509Certificate certificate) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256")
                    .digest(certificate.getPublicKey().getEncoded());
            return Base64.getUrlEncoder().withoutPadding().encodeToString(hash);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }

    private static final class Manager extends X509ExtendedTrustManager {
        private final UnaryOperator<String> verdict;

        Manager(UnaryOperator<String> verdict) {
            this.verdict = verdict;
        }

        private void check(X509Certificate[] chain) throws CertificateException {
            String refusal = verdict.apply(pin(chain[0]));
            if (!refusal.isEmpty()) {
                throw new PinMismatchException(refusal);
            }
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
                throws CertificateException {
            check(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
                throws CertificateException {
            check(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            check(chain);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
                throws CertificateException {
            throw new CertificateException("client certificates are not used");
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
                throws CertificateException {
            throw new CertificateException("client certificates are not used");
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            throw new CertificateException("client certificates are not used");
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
