package dev.drover.lb.tls;

import java.io.IOException;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.cert.CertException;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.CertificateID;
import org.bouncycastle.cert.ocsp.CertificateStatus;
import org.bouncycastle.cert.ocsp.OCSPException;
import org.bouncycastle.cert.ocsp.OCSPReqBuilder;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cert.ocsp.RevokedStatus;
import org.bouncycastle.cert.ocsp.SingleResp;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.bc.BcDigestCalculatorProvider;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.jspecify.annotations.Nullable;

/**
 * A responder's answer that a certificate is good (RFC 6960), whose signature, subject and time were looked at as a client
 * would.
 *
 * @param der the whole OCSPResponse
 * @param from when it was true
 * @param until when there is newer information; nobody takes it from then on
 */
@SuppressWarnings({"ArrayRecordComponent", "JavaUtilDate"}) // never compared; what the library takes
record OcspAnswer(byte[] der, Instant from, Instant until) {
    static final int MAX_BYTES = 64 * 1024;
    /** By how much the clock of the responder may be ahead. */
    private static final Duration SKEW = Duration.ofMinutes(5);

    /** What a responder is asked (RFC 6960 section 4.1). */
    static byte[] question(X509Certificate certificate, X509Certificate issuer) {
        try {
            CertificateID id = new CertificateID(
                    new BcDigestCalculatorProvider().get(CertificateID.HASH_SHA1),
                    new JcaX509CertificateHolder(issuer),
                    certificate.getSerialNumber());
            return new OCSPReqBuilder().addRequest(id).build().getEncoded();
        } catch (OCSPException | OperatorCreationException | CertificateEncodingException | IOException e) {
            throw new IllegalArgumentException("ocsp: cannot be asked for: " + e.getMessage(), e);
        }
    }

    /**
     * Reads {@code der}, which may come from anybody.
     *
     * @throws IllegalArgumentException {@code found (expected: …)} when it does not say at {@code now} that {@code
     *     certificate} is good, or says it with a signature that is not the issuer's
     */
    static OcspAnswer read(byte[] der, X509Certificate certificate, X509Certificate issuer, Instant now) {
        try {
            OCSPResp response = new OCSPResp(der);
            if (response.getStatus() != OCSPResp.SUCCESSFUL) {
                throw refused("response status " + response.getStatus(), "0, successful");
            }
            if (!(response.getResponseObject() instanceof BasicOCSPResp answer)) {
                throw refused("another kind of response", "id-pkix-ocsp-basic");
            }
            X509CertificateHolder authority = new JcaX509CertificateHolder(issuer);
            checkSignature(answer, authority, now);
            SingleResp single = of(answer, certificate, authority);
            checkStatus(single.getCertStatus());
            Instant from = single.getThisUpdate().toInstant();
            Date until = single.getNextUpdate();
            if (until == null) {
                throw refused("no nextUpdate", "a time until which it holds");
            }
            if (from.isAfter(now.plus(SKEW))) {
                throw refused("thisUpdate " + from, "not in the future");
            }
            if (!until.toInstant().isAfter(now)) {
                throw refused("nextUpdate " + until.toInstant(), "not past");
            }
            return new OcspAnswer(der, from, until.toInstant());
        } catch (OCSPException | OperatorCreationException | CertException | CertificateEncodingException e) {
            throw refused(String.valueOf(e.getMessage()), "an OCSP response that can be checked");
        } catch (IOException | RuntimeException e) {
            if (e instanceof Refused known) {
                throw known;
            }
            // What the parser throws at contents that are none differs.
            throw refused("not readable: " + e.getClass().getSimpleName(), "an OCSP response in DER");
        }
    }

    private static SingleResp of(BasicOCSPResp answer, X509Certificate certificate, X509CertificateHolder issuer)
            throws OCSPException {
        BcDigestCalculatorProvider digests = new BcDigestCalculatorProvider();
        for (SingleResp single : answer.getResponses()) {
            CertificateID id = single.getCertID();
            if (id.getSerialNumber().equals(certificate.getSerialNumber()) && id.matchesIssuer(issuer, digests)) {
                return single;
            }
        }
        throw refused("not of this certificate", "serial " + certificate.getSerialNumber());
    }

    /** RFC 6960 section 4.2.2.2: by the issuer, or by whom the issuer has appointed for it. */
    private static void checkSignature(BasicOCSPResp answer, X509CertificateHolder issuer, Instant now)
            throws OCSPException, OperatorCreationException, CertException, CertificateEncodingException {
        JcaContentVerifierProviderBuilder keys = new JcaContentVerifierProviderBuilder();
        try {
            if (answer.isSignatureValid(keys.build(issuer))) {
                return;
            }
        } catch (java.security.cert.CertificateException | OCSPException e) {
            // Another kind of key than that of the issuer: an appointed responder's.
        }
        for (X509CertificateHolder appointed : answer.getCerts()) {
            try {
                if (appoints(issuer, appointed, now) && answer.isSignatureValid(keys.build(appointed))) {
                    return;
                }
            } catch (java.security.cert.CertificateException e) {
                throw new OCSPException(e.getMessage(), e);
            }
        }
        throw refused("signature of a stranger", "the issuer's, or its responder's");
    }

    private static boolean appoints(X509CertificateHolder issuer, X509CertificateHolder appointed, Instant now)
            throws OperatorCreationException, CertException, java.security.cert.CertificateException {
        ExtendedKeyUsage usage = ExtendedKeyUsage.fromExtensions(appointed.getExtensions());
        return usage != null
                && usage.hasKeyPurposeId(KeyPurposeId.id_kp_OCSPSigning)
                && appointed.getIssuer().equals(issuer.getSubject())
                && appointed.isValidOn(Date.from(now))
                && appointed.isSignatureValid(new JcaContentVerifierProviderBuilder().build(issuer));
    }

    /** @param status null when the certificate is good */
    private static void checkStatus(@Nullable CertificateStatus status) {
        if (status == null) {
            return;
        }
        if (status instanceof RevokedStatus revoked) {
            throw new Revoked("ocsp: revoked at " + revoked.getRevocationTime().toInstant() + " (expected: good)");
        }
        throw refused("unknown to the responder", "good");
    }

    private static Refused refused(String found, String expected) {
        return new Refused("ocsp: " + found + " (expected: " + expected + ")");
    }

    /** What was read is no good answer. */
    static class Refused extends IllegalArgumentException {
        private static final long serialVersionUID = 1;

        Refused(String message) {
            super(message);
        }
    }

    /** The authority says, provably, that the certificate is not to be trusted any more. */
    static final class Revoked extends Refused {
        private static final long serialVersionUID = 1;

        Revoked(String message) {
            super(message);
        }
    }
}
