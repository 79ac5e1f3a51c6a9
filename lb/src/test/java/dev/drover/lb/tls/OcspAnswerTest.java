package dev.drover.lb.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.lb.TestAuthority;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Date;
import java.util.Random;
import org.bouncycastle.asn1.x509.CRLReason;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.BasicOCSPRespBuilder;
import org.bouncycastle.cert.ocsp.CertificateID;
import org.bouncycastle.cert.ocsp.CertificateStatus;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cert.ocsp.OCSPRespBuilder;
import org.bouncycastle.cert.ocsp.RespID;
import org.bouncycastle.cert.ocsp.RevokedStatus;
import org.bouncycastle.cert.ocsp.UnknownStatus;
import org.bouncycastle.operator.bc.BcDigestCalculatorProvider;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Which answers of responders are taken (RFC 6960 section 3.2). */
@SuppressWarnings("JavaUtilDate") // what the builders take
class OcspAnswerTest {
    private static final TestAuthority AUTHORITY = TestAuthority.create("authority");
    private static final TestAuthority STRANGER = TestAuthority.create("authority");
    private static final TestAuthority.Issued WEB = AUTHORITY.issue("web.example", 77, TestAuthority.Kind.PLAIN, null);

    private final Instant now = Instant.now();
    private Instant from = now.minusSeconds(60);
    private @Nullable Instant until = now.plusSeconds(3_600);
    private KeyPair signer = AUTHORITY.pair();
    private @Nullable X509Certificate shown;
    private CertificateStatus status = CertificateStatus.GOOD;
    private X509Certificate issuer = AUTHORITY.x509();
    private X509Certificate subject = WEB.x509();

    private byte[] answer() throws Exception {
        var digests = new BcDigestCalculatorProvider();
        X509CertificateHolder authority = new JcaX509CertificateHolder(issuer);
        CertificateID id =
                new CertificateID(digests.get(CertificateID.HASH_SHA1), authority, subject.getSerialNumber());
        BasicOCSPResp basic = new BasicOCSPRespBuilder(new RespID(authority.getSubject()))
                .addResponse(id, status, Date.from(from), until == null ? null : Date.from(until))
                .build(
                        new JcaContentSignerBuilder("SHA256withECDSA").build(signer.getPrivate()),
                        shown == null
                                ? new X509CertificateHolder[0]
                                : new X509CertificateHolder[] {new JcaX509CertificateHolder(shown)},
                        Date.from(from));
        return new OCSPRespBuilder().build(OCSPRespBuilder.SUCCESSFUL, basic).getEncoded();
    }

    private OcspAnswer read(byte[] der) {
        return OcspAnswer.read(der, WEB.x509(), AUTHORITY.x509(), now);
    }

    private void refused(String message) throws Exception {
        byte[] der = answer();
        assertThatThrownBy(() -> read(der))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void a_good_answer_of_the_issuer_is_taken() throws Exception {
        OcspAnswer answer = read(answer());
        assertThat(answer.until().getEpochSecond())
                .isEqualTo(now.plusSeconds(3_600).getEpochSecond());
        assertThat(answer.from().getEpochSecond()).isEqualTo(from.getEpochSecond());
    }

    @Test
    void one_of_an_appointed_responder_is_taken() throws Exception {
        TestAuthority.Issued responder = AUTHORITY.issue("responder", 78, TestAuthority.Kind.RESPONDER, null);
        signer = responder.pair();
        shown = responder.x509();
        assertThat(read(answer()).until()).isAfter(now);
    }

    @Test
    void one_of_a_responder_that_was_not_appointed_is_refused() throws Exception {
        TestAuthority.Issued other = AUTHORITY.issue("other", 79, TestAuthority.Kind.PLAIN, null);
        signer = other.pair();
        shown = other.x509();
        refused("signature of a stranger");
        TestAuthority.Issued foreign = STRANGER.issue("responder", 80, TestAuthority.Kind.RESPONDER, null);
        signer = foreign.pair();
        shown = foreign.x509();
        refused("signature of a stranger");
    }

    @Test
    void one_of_a_stranger_is_refused() throws Exception {
        signer = STRANGER.pair();
        refused("signature of a stranger (expected: the issuer's, or its responder's)");
    }

    @Test
    void one_of_another_certificate_or_authority_is_refused() throws Exception {
        subject = AUTHORITY
                .issue("web.example", 81, TestAuthority.Kind.PLAIN, null)
                .x509();
        refused("not of this certificate (expected: serial 77)");
        subject = WEB.x509();
        issuer = STRANGER.x509();
        refused("not of this certificate");
    }

    @Test
    void one_out_of_its_time_is_refused() throws Exception {
        until = now.minusSeconds(1);
        refused("(expected: not past)");
        until = null;
        refused("no nextUpdate");
        until = now.plusSeconds(7_200);
        from = now.plusSeconds(3_600);
        refused("(expected: not in the future)");
    }

    @Test
    void one_that_says_something_else_than_good_is_refused() throws Exception {
        status = new RevokedStatus(Date.from(from), CRLReason.keyCompromise);
        refused("ocsp: revoked at ");
        assertThatThrownBy(() -> read(answer())).isInstanceOf(OcspAnswer.Revoked.class);
        status = new UnknownStatus();
        refused("unknown to the responder (expected: good)");
    }

    @Test
    void a_responder_that_cannot_answer_is_told() throws Exception {
        OCSPResp later = new OCSPRespBuilder().build(OCSPRespBuilder.TRY_LATER, null);
        assertThatThrownBy(() -> read(later.getEncoded())).hasMessageContaining("response status 3");
    }

    @Test
    void what_is_no_answer_is_refused_and_never_thrown_about() throws Exception {
        byte[] whole = answer();
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 500; i++) {
            byte[] broken = whole.clone();
            int changes = 1 + random.nextInt(4);
            for (int change = 0; change < changes; change++) {
                broken[random.nextInt(broken.length)] = (byte) random.nextInt();
            }
            byte[] cut = i % 3 == 0 ? java.util.Arrays.copyOf(broken, random.nextInt(broken.length)) : broken;
            try {
                read(cut);
            } catch (IllegalArgumentException e) {
                assertThat(e).as("seed %d", seed).hasMessageStartingWith("ocsp: ");
            }
        }
    }
}
