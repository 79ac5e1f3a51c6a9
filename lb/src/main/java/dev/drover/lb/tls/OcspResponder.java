package dev.drover.lb.tls;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.x509.AccessDescription;
import org.bouncycastle.asn1.x509.AuthorityInformationAccess;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.jspecify.annotations.Nullable;

/** Asks the responder that a certificate names (RFC 6960 appendix A): by POST, in ten seconds, for at most 64 KiB. */
final class OcspResponder {
    private static final Duration CONNECT = Duration.ofSeconds(5);
    private static final long ALL_S = 10;

    private OcspResponder() {}

    /** Of the certificate's authorityInfoAccess (RFC 5280 section 4.2.2.1); null when there is none. */
    static @Nullable URI of(X509Certificate certificate) {
        try {
            AuthorityInformationAccess access = AuthorityInformationAccess.fromExtensions(
                    new JcaX509CertificateHolder(certificate).getExtensions());
            if (access == null) {
                return null;
            }
            for (AccessDescription one : access.getAccessDescriptions()) {
                ASN1Encodable name = one.getAccessLocation().getName();
                if (one.getAccessMethod().equals(AccessDescription.id_ad_ocsp)
                        && one.getAccessLocation().getTagNo() == GeneralName.uniformResourceIdentifier) {
                    URI at = URI.create(name.toString());
                    if (at.getHost() != null && ("http".equals(at.getScheme()) || "https".equals(at.getScheme()))) {
                        return at;
                    }
                }
            }
            return null;
        } catch (java.security.cert.CertificateEncodingException | IllegalArgumentException e) {
            return null;
        }
    }

    /**
     * Blocks for the answer.
     *
     * @throws IOException when there is none
     */
    static byte[] ask(URI responder, byte[] question) throws IOException {
        HttpRequest request = HttpRequest.newBuilder(responder)
                .timeout(Duration.ofSeconds(ALL_S))
                .header("Content-Type", "application/ocsp-request")
                .header("Accept", "application/ocsp-response")
                .POST(HttpRequest.BodyPublishers.ofByteArray(question))
                .build();
        HttpClient client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(CONNECT)
                .build();
        CompletableFuture<HttpResponse<byte[]>> answer = client.sendAsync(
                request,
                HttpResponse.BodyHandlers.limiting(HttpResponse.BodyHandlers.ofByteArray(), OcspAnswer.MAX_BYTES));
        try {
            HttpResponse<byte[]> response = answer.get(ALL_S, TimeUnit.SECONDS);
            if (response.statusCode() != 200) {
                throw new IOException("status " + response.statusCode() + " (expected: 200)");
            }
            return response.body();
        } catch (ExecutionException e) {
            throw new IOException(String.valueOf(e.getCause()), e);
        } catch (TimeoutException e) {
            throw new IOException("no answer in " + ALL_S + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            client.shutdownNow();
        }
    }
}
