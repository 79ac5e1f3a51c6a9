package dev.drover.controlplane.security;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import org.bouncycastle.util.io.pem.PemObject;
import org.bouncycastle.util.io.pem.PemReader;

/**
 * A certificate that its key belongs to, as a load balancer can use it.
 *
 * @param names DNS names of subjectAltName, lower case
 * @param sha256 of the certificate, hex
 */
public record CertificatePair(List<String> names, Instant notAfter, String sha256) {
    private static final int MAX_CHARS = 256 * 1024;
    private static final int DNS_NAME = 2;

    /** Something is wrong with one of both; the message never has what is in a key. */
    public static final class Refused extends Exception {
        private static final long serialVersionUID = 1L;

        private final String field;

        private Refused(String field, String message) {
            super(field + ": " + message);
            this.field = field;
        }

        /** {@code certificate} or {@code key}. */
        public String field() {
            return field;
        }
    }

    /**
     * @param certificate PEM: the certificate, then those that lead from it to its authority
     * @param key PEM, PKCS #8, not encrypted; RSA, EC or Ed25519
     */
    public static CertificatePair of(String certificate, String key) throws Refused {
        X509Certificate first = first(certificate);
        PrivateKey privateKey = privateKey(key, first.getPublicKey());
        if (!belongs(privateKey, first.getPublicKey())) {
            throw new Refused("key", "is not the key of the certificate (expected: its key)");
        }
        try {
            return new CertificatePair(
                    names(first),
                    first.getNotAfter().toInstant(),
                    HexFormat.of()
                            .formatHex(MessageDigest.getInstance("SHA-256").digest(first.getEncoded())));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static X509Certificate first(String pem) throws Refused {
        if (pem.length() > MAX_CHARS) {
            throw new Refused("certificate", pem.length() + " characters (expected: at most " + MAX_CHARS + ")");
        }
        try {
            Collection<? extends java.security.cert.Certificate> all = CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(pem.getBytes(StandardCharsets.ISO_8859_1)));
            if (!all.isEmpty()) {
                return (X509Certificate) all.iterator().next();
            }
        } catch (CertificateException e) {
            throw new Refused("certificate", "cannot be read (expected: PEM, the certificate and its chain)");
        }
        throw new Refused("certificate", "has none (expected: PEM, the certificate and its chain)");
    }

    private static PrivateKey privateKey(String pem, PublicKey of) throws Refused {
        String expected =
                "(expected: PEM, an unencrypted PKCS #8 key, openssl pkcs8 -topk8 -nocrypt makes one of others)";
        if (pem.length() > MAX_CHARS) {
            throw new Refused("key", pem.length() + " characters (expected: at most " + MAX_CHARS + ")");
        }
        try (PemReader reader = new PemReader(new StringReader(pem))) {
            PemObject object = reader.readPemObject();
            if (object == null || !object.getType().equals("PRIVATE KEY")) {
                throw new Refused("key", "has no BEGIN PRIVATE KEY " + expected);
            }
            String algorithm = of.getAlgorithm().equals("EdDSA") ? "Ed25519" : of.getAlgorithm();
            return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(object.getContent()));
        } catch (IOException e) {
            throw new Refused("key", "is no PEM " + expected);
        } catch (GeneralSecurityException e) {
            throw new Refused("key", "is no key of the certificate's kind, " + of.getAlgorithm() + " " + expected);
        }
    }

    /** Whether what {@code key} signs is what {@code certified} verifies. */
    static boolean belongs(PrivateKey key, PublicKey certified) {
        String algorithm = switch (certified.getAlgorithm()) {
            case "RSA" -> "SHA256withRSA";
            case "EC" -> "SHA256withECDSA";
            default -> "Ed25519";
        };
        try {
            byte[] probe = new byte[32];
            Signature signature = Signature.getInstance(algorithm);
            signature.initSign(key);
            signature.update(probe);
            byte[] signed = signature.sign();
            signature.initVerify(certified);
            signature.update(probe);
            return signature.verify(signed);
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    private static List<String> names(X509Certificate certificate) {
        List<String> names = new ArrayList<>();
        try {
            Collection<List<?>> all = certificate.getSubjectAlternativeNames();
            if (all != null) {
                for (List<?> name : all) {
                    if (name.get(0) instanceof Integer type && type == DNS_NAME) {
                        names.add(((String) name.get(1)).toLowerCase(Locale.ROOT));
                    }
                }
            }
        } catch (CertificateParsingException e) {
            return List.of();
        }
        return List.copyOf(names);
    }
}
