package dev.drover.controlplane.security;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.util.io.pem.PemObject;
import org.bouncycastle.util.io.pem.PemReader;
import org.bouncycastle.util.io.pem.PemWriter;

/**
 * The server's TLS key and self-signed certificate, made at first start. Nodes pin the key (SHA-256 of its
 * SubjectPublicKeyInfo, as RFC 7469 does), so no authority is needed and the certificate may be renewed with the same key.
 *
 * @param spkiPin base64url without padding
 */
public record ServerKey(PrivateKey privateKey, X509Certificate certificate, String spkiPin) {
    private static final String KEY_FILE = "server.key";
    private static final String CERTIFICATE_FILE = "server.crt";
    private static final Duration LIFETIME = Duration.ofDays(20 * 365);
    private static final String SIGNATURE = "SHA256withECDSA";

    /**
     * Reads {@code server.key} and {@code server.crt}, or makes them when both are missing.
     *
     * @throws IllegalStateException when they cannot be read, written, or do not belong together
     */
    public static ServerKey loadOrCreate(Path directory) {
        Path keyFile = directory.resolve(KEY_FILE);
        Path certificateFile = directory.resolve(CERTIFICATE_FILE);
        try {
            if (!Files.exists(keyFile) && !Files.exists(certificateFile)) {
                create(keyFile, certificateFile);
            }
            return load(keyFile, certificateFile);
        } catch (IOException | GeneralSecurityException | OperatorCreationException | RuntimeException e) {
            throw new IllegalStateException(
                    "server key: " + keyFile + ", " + certificateFile + ": " + e.getMessage()
                            + " (expected: an EC key as PKCS#8 PEM and its certificate; nodes pin this key, restore it"
                            + " from a backup)",
                    e);
        }
    }

    private static ServerKey load(Path keyFile, Path certificateFile) throws IOException, GeneralSecurityException {
        PrivateKey key = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(readPem(keyFile)));
        X509Certificate certificate = (X509Certificate)
                CertificateFactory.getInstance("X.509").generateCertificate(Files.newInputStream(certificateFile));
        if (!CertificatePair.belongs(key, certificate.getPublicKey())) {
            throw new GeneralSecurityException("key and certificate do not belong together");
        }
        byte[] digest = MessageDigest.getInstance("SHA-256")
                .digest(certificate.getPublicKey().getEncoded());
        return new ServerKey(
                key, certificate, Base64.getUrlEncoder().withoutPadding().encodeToString(digest));
    }

    private static void create(Path keyFile, Path certificateFile)
            throws IOException, GeneralSecurityException, OperatorCreationException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec("secp256r1"));
        KeyPair pair = generator.generateKeyPair();
        Instant now = Instant.now();
        X500Name name = new X500Name("CN=drover");
        X509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
                name,
                new BigInteger(120, new SecureRandom()),
                Date.from(now.minus(Duration.ofDays(1))),
                Date.from(now.plus(LIFETIME)),
                name,
                pair.getPublic());
        builder.addExtension(Extension.subjectAlternativeName, false, alternativeNames());
        X509Certificate certificate = new JcaX509CertificateConverter()
                .getCertificate(builder.build(new JcaContentSignerBuilder(SIGNATURE).build(pair.getPrivate())));
        // The key is written last: a crash in between leaves a certificate alone, which the next start reports.
        writePem(certificateFile, "CERTIFICATE", certificate.getEncoded());
        writePem(keyFile, "PRIVATE KEY", pair.getPrivate().getEncoded());
    }

    private static GeneralNames alternativeNames() {
        List<GeneralName> names = new ArrayList<>();
        names.add(new GeneralName(GeneralName.dNSName, "localhost"));
        names.add(new GeneralName(GeneralName.iPAddress, "127.0.0.1"));
        try {
            String hostName = InetAddress.getLocalHost().getHostName();
            if (hostName.matches("[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")) {
                names.add(new GeneralName(GeneralName.dNSName, hostName));
            }
        } catch (UnknownHostException e) {
            return new GeneralNames(names.toArray(GeneralName[]::new)); // a machine without a name of its own
        }
        return new GeneralNames(names.toArray(GeneralName[]::new));
    }

    private static byte[] readPem(Path file) throws IOException {
        try (PemReader reader = new PemReader(new StringReader(Files.readString(file)))) {
            PemObject object = reader.readPemObject();
            if (object == null) {
                throw new IOException(file.getFileName() + " holds no PEM object");
            }
            return object.getContent();
        }
    }

    private static void writePem(Path file, String type, byte[] content) throws IOException {
        StringWriter text = new StringWriter();
        try (PemWriter writer = new PemWriter(text)) {
            writer.writeObject(new PemObject(type, content));
        }
        Path draft = file.resolveSibling(file.getFileName() + ".new");
        Files.deleteIfExists(draft);
        Files.createFile(draft, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(draft, text.toString());
        Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
    }
}
