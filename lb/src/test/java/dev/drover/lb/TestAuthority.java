package dev.drover.lb;

import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Date;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AccessDescription;
import org.bouncycastle.asn1.x509.AuthorityInformationAccess;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.Nullable;

/** A certificate authority for a test, with what it issues. */
public record TestAuthority(KeyPair pair, X509Certificate x509) {
    private static final String TLS_FEATURE = "1.3.6.1.5.5.7.1.24";
    private static final int STATUS_REQUEST = 5;

    /** A certificate of the authority and its key. */
    public record Issued(KeyPair pair, X509Certificate x509, X509Certificate issuer) {
        /** Writes the chain and the key. */
        TlsConfig.Certificate write(Path directory, String name) throws IOException {
            Path certificate = directory.resolve(name + ".pem");
            Path key = directory.resolve(name + ".key");
            Files.writeString(certificate, pem(x509) + pem(issuer));
            Files.deleteIfExists(key);
            Files.createFile(key, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(key, pem(pair.getPrivate()));
            return new TlsConfig.Certificate(certificate, key);
        }
    }

    /** What a certificate says beside its name. */
    public enum Kind {
        PLAIN,
        /** Clients should refuse it without a staple (RFC 7633). */
        MUST_STAPLE,
        /** May sign answers of OCSP in the authority's stead (RFC 6960 section 4.2.2.2). */
        RESPONDER
    }

    public static TestAuthority create(String name) {
        KeyPair pair = keys();
        return new TestAuthority(pair, sign(pair, pair, name, name, 1, Kind.PLAIN, null, true));
    }

    /** @param responder where to ask for the standing of the certificate; null for nowhere */
    public Issued issue(String host, long serial, Kind kind, @Nullable String responder) {
        KeyPair own = keys();
        String issuer = x509.getSubjectX500Principal().getName().substring("CN=".length());
        return new Issued(own, sign(own, pair, host, issuer, serial, kind, responder, false), x509);
    }

    private static KeyPair keys() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(256);
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    @SuppressWarnings("JavaUtilDate") // what the builder takes
    private static X509Certificate sign(
            KeyPair own,
            KeyPair signer,
            String subject,
            String issuer,
            long serial,
            Kind kind,
            @Nullable String responder,
            boolean authority) {
        Instant now = Instant.now();
        try {
            JcaX509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
                    new X500Name("CN=" + issuer),
                    BigInteger.valueOf(serial),
                    Date.from(now.minusSeconds(3_600)),
                    Date.from(now.plusSeconds(86_400)),
                    new X500Name("CN=" + subject),
                    own.getPublic());
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(authority));
            if (!authority) {
                GeneralName name = new GeneralName(GeneralName.dNSName, subject);
                builder.addExtension(Extension.subjectAlternativeName, false, new GeneralNames(name));
            }
            if (responder != null) {
                builder.addExtension(
                        Extension.authorityInfoAccess,
                        false,
                        new AuthorityInformationAccess(
                                AccessDescription.id_ad_ocsp,
                                new GeneralName(GeneralName.uniformResourceIdentifier, responder)));
            }
            if (kind == Kind.MUST_STAPLE) {
                builder.addExtension(
                        new ASN1ObjectIdentifier(TLS_FEATURE), false, new DERSequence(new ASN1Integer(STATUS_REQUEST)));
            } else if (kind == Kind.RESPONDER) {
                builder.addExtension(
                        Extension.extendedKeyUsage, false, new ExtendedKeyUsage(KeyPurposeId.id_kp_OCSPSigning));
            }
            return new JcaX509CertificateConverter()
                    .getCertificate(
                            builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(signer.getPrivate())));
        } catch (GeneralSecurityException | OperatorCreationException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    static String pem(Object what) {
        StringWriter text = new StringWriter();
        try (JcaPEMWriter pem = new JcaPEMWriter(text)) {
            // PKCS #8, since the form of its own that a key of EC has lacks the curve.
            pem.writeObject(what instanceof PrivateKey key ? new JcaPKCS8Generator(key, null) : what);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return text.toString();
    }
}
