package dev.drover.lb.tls;

import dev.drover.lb.TargetTlsConfig;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/** Decides whether a target is who it should be: by authority and name, by the pin of its key, or both. */
final class TargetTrust extends X509ExtendedTrustManager {
    private static final X509Certificate[] NONE = {};

    private final boolean verify;
    private final List<String> pins;
    private final @Nullable X509ExtendedTrustManager chain;

    /** @param authorities null for those of this host */
    TargetTrust(TargetTlsConfig config, X509Certificate @Nullable [] authorities) throws GeneralSecurityException {
        verify = config.verify();
        pins = config.pins();
        chain = verify && (authorities != null || pins.isEmpty()) ? chain(authorities) : null;
    }

    private static X509ExtendedTrustManager chain(X509Certificate @Nullable [] authorities)
            throws GeneralSecurityException {
        KeyStore store = null;
        if (authorities != null) {
            store = KeyStore.getInstance(KeyStore.getDefaultType());
            try {
                store.load(null, null);
            } catch (java.io.IOException e) {
                throw new GeneralSecurityException(e);
            }
            for (int i = 0; i < authorities.length; i++) {
                store.setCertificateEntry("ca" + i, authorities[i]);
            }
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(store);
        for (TrustManager manager : factory.getTrustManagers()) {
            if (manager instanceof X509ExtendedTrustManager extended) {
                return extended;
            }
        }
        throw new GeneralSecurityException("no PKIX trust manager (expected: that of the JDK)");
    }

    @Override
    public void checkServerTrusted(X509Certificate[] shown, String type, SSLEngine engine) throws CertificateException {
        if (chain != null) {
            chain.checkServerTrusted(shown, type, engine);
        }
        checkPin(shown);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] shown, String type, Socket socket) throws CertificateException {
        if (chain != null) {
            chain.checkServerTrusted(shown, type, socket);
        }
        checkPin(shown);
    }

    /** Without a connection there is no name to verify. */
    @Override
    public void checkServerTrusted(X509Certificate[] shown, String type) throws CertificateException {
        if (verify) {
            throw new CertificateException("target: certificate without a connection (expected: one)");
        }
    }

    private void checkPin(X509Certificate[] shown) throws CertificateException {
        if (pins.isEmpty()) {
            return;
        }
        String pin;
        try {
            byte[] key = shown[0].getPublicKey().getEncoded();
            pin = "sha256/"
                    + Base64.getEncoder()
                            .encodeToString(MessageDigest.getInstance("SHA-256").digest(key));
        } catch (GeneralSecurityException e) {
            throw new CertificateException(e);
        }
        if (!pins.contains(pin)) {
            throw new CertificateException("target: key " + pin + " (expected: one of target-tls.pins)");
        }
    }

    @Override
    public void checkClientTrusted(X509Certificate[] shown, String type, SSLEngine engine) throws CertificateException {
        throw new CertificateException("target: as a client (expected: as a server)");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] shown, String type, Socket socket) throws CertificateException {
        throw new CertificateException("target: as a client (expected: as a server)");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] shown, String type) throws CertificateException {
        throw new CertificateException("target: as a client (expected: as a server)");
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
        return chain == null ? NONE : chain.getAcceptedIssuers();
    }
}
