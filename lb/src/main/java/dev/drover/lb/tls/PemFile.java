package dev.drover.lb.tls;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads certificates and private keys (RFC 7468); messages tell what is wrong with a file, never what is in it. */
final class PemFile {
    private static final int MAX_BYTES = 1 << 20;
    private static final String KEY_BEGIN = "-----BEGIN PRIVATE KEY-----";
    private static final String KEY_END = "-----END PRIVATE KEY-----";
    private static final Set<PosixFilePermission> OWNERS = EnumSet.of(
            PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE, PosixFilePermission.OWNER_EXECUTE);

    private PemFile() {}

    /** All certificates of a file, in its order; at least one. */
    static X509Certificate[] certificates(String key, Path path) {
        byte[] bytes = read(key, path, "PEM certificates");
        try {
            Collection<? extends Certificate> all =
                    CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(bytes));
            if (!all.isEmpty()) {
                return all.toArray(new X509Certificate[0]);
            }
        } catch (CertificateException e) {
            throw new IllegalArgumentException(key + ": " + path + " has no readable certificate (expected: PEM)", e);
        }
        throw new IllegalArgumentException(key + ": " + path + " has no certificate (expected: PEM)");
    }

    static PrivateKey privateKey(String key, Path path) {
        try {
            Set<PosixFilePermission> permissions = Files.exists(path)
                    ? Files.getPosixFilePermissions(path)
                    : EnumSet.noneOf(PosixFilePermission.class);
            if (!OWNERS.containsAll(permissions)) {
                throw new IllegalArgumentException(
                        key + ": " + path + " has mode " + PosixFilePermissions.toString(permissions)
                                + " (expected: readable by its owner only, chmod 600)");
            }
        } catch (IOException e) {
            throw unreadable(key, path, "a private key", e);
        }
        String text = new String(read(key, path, "a private key"), StandardCharsets.ISO_8859_1);
        int begin = text.indexOf(KEY_BEGIN);
        int end = text.indexOf(KEY_END);
        if (begin < 0 || end < begin) {
            throw new IllegalArgumentException(key + ": " + path + " has no BEGIN PRIVATE KEY"
                    + " (expected: an unencrypted PKCS #8 key, openssl pkcs8 -topk8 -nocrypt makes one of others)");
        }
        byte[] der;
        try {
            der = Base64.getMimeDecoder().decode(text.substring(begin + KEY_BEGIN.length(), end));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(key + ": " + path + " is not Base64 (expected: PEM)", e);
        }
        for (String algorithm : new String[] {"RSA", "EC", "Ed25519"}) {
            PrivateKey known = decode(algorithm, der);
            if (known != null) {
                return known;
            }
        }
        throw new IllegalArgumentException(key + ": " + path + " is no key we know (expected: RSA, EC or Ed25519)");
    }

    /** Null when it is a key of another algorithm. */
    private static @Nullable PrivateKey decode(String algorithm, byte[] der) {
        try {
            return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
        } catch (GeneralSecurityException e) {
            return null;
        }
    }

    private static byte[] read(String key, Path path, String expected) {
        try {
            if (Files.size(path) > MAX_BYTES) {
                throw new IllegalArgumentException(
                        key + ": " + path + " is larger than 1 MiB (expected: " + expected + ")");
            }
            return Files.readAllBytes(path);
        } catch (NoSuchFileException e) {
            throw new IllegalArgumentException(key + ": " + path + " is missing (expected: " + expected + ")", e);
        } catch (IOException e) {
            throw unreadable(key, path, expected, e);
        }
    }

    private static IllegalArgumentException unreadable(String key, Path path, String expected, IOException e) {
        return new IllegalArgumentException(
                key + ": " + path + " cannot be read: " + e.getClass().getSimpleName() + " (expected: " + expected
                        + ")",
                e);
    }
}
