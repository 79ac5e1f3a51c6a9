package dev.drover.lb.tls;

import dev.drover.lb.TlsConfig.Stapling;
import dev.drover.lb.path.Staple;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the {@link Staple} of one certificate fresh, from a file or from its responder. An answer that is not good is told and
 * never shown; the one before is shown until it ends, unless that answer says revoked. The listener goes on in any case.
 *
 * <p>{@link #look} is called by the thread that watches certificates; responders are asked on virtual threads, one question
 * at a time.
 */
final class OcspSource {
    private static final Logger LOG = LoggerFactory.getLogger(OcspSource.class);
    private static final Duration FIRST_PAUSE = Duration.ofSeconds(2);
    private static final Duration LONGEST_PAUSE = Duration.ofHours(1);
    /** Authorities renew their answers long before they end. */
    private static final Duration LONGEST_TRUST = Duration.ofHours(12);

    private static final Duration SHORTEST_TRUST = Duration.ofSeconds(1);

    /** RFC 7633: a client that knows it demands a staple, status_request is 5. */
    private static final String TLS_FEATURE = "1.3.6.1.5.5.7.1.24";

    private final X509Certificate[] chain;
    private final X509Certificate certificate;
    private final @Nullable X509Certificate issuer;
    private final Stapling from;
    private final Path file;
    private final @Nullable URI responder;
    private final Staple staple = new Staple();
    private final LongAdder refused;
    private String seen = "";
    private volatile boolean asking;
    private volatile Instant due = Instant.MIN;
    private Duration pause = FIRST_PAUSE;
    private volatile boolean closed;

    /**
     * @param path of the certificate, for messages and the name of the file beside it
     * @param refused counts answers that could not be had, or not be shown
     */
    OcspSource(X509Certificate[] chain, Path path, Stapling from, LongAdder refused) {
        this.refused = refused;
        this.chain = chain.clone();
        certificate = chain[0];
        issuer = issuer(chain);
        this.from = from;
        file = path.resolveSibling(path.getFileName() + ".ocsp");
        responder = from == Stapling.FETCH ? OcspResponder.of(certificate) : null;
        if (issuer == null) {
            LOG.warn("ocsp certificate={} has nothing stapled: no issuer behind it (expected: the chain)", path);
        } else if (from == Stapling.FETCH && responder == null) {
            LOG.warn("ocsp certificate={} has nothing stapled: it names no responder (expected: by http)", path);
        }
    }

    /** Whether clients are told by the certificate itself not to take it without a staple. */
    static boolean demanded(X509Certificate certificate) {
        return certificate.getExtensionValue(TLS_FEATURE) != null;
    }

    private static @Nullable X509Certificate issuer(X509Certificate[] chain) {
        for (int i = 1; i < chain.length; i++) {
            try {
                chain[0].verify(chain[i].getPublicKey());
                return chain[i];
            } catch (GeneralSecurityException e) {
                // Another link of the chain.
            }
        }
        return null;
    }

    /** Whether it is the source for these certificates, which hold the issuer's or not. */
    boolean of(X509Certificate[] other) {
        return Arrays.equals(chain, other);
    }

    Staple staple() {
        return staple;
    }

    /** Reads the file when it has changed, or asks when it is time to. */
    void look(Instant now) {
        if (issuer == null || closed) {
            return;
        }
        if (staple.endsMs() != 0 && staple.endsMs() <= now.toEpochMilli()) {
            LOG.error("ocsp answer ended, nothing is stapled certificate={}", name());
            staple.drop();
        }
        if (from == Stapling.FILE) {
            lookAtFile(issuer, now);
        } else if (responder != null && !asking && now.isAfter(due)) {
            asking = true;
            URI at = responder;
            X509Certificate authority = issuer;
            Thread.ofVirtual().name("lb-ocsp").start(() -> ask(at, authority));
        }
    }

    private void lookAtFile(X509Certificate authority, Instant now) {
        String signature = FileSignature.of(file);
        if (signature.equals(seen)) {
            return;
        }
        seen = signature;
        try {
            if (Files.size(file) > OcspAnswer.MAX_BYTES) {
                throw new IllegalArgumentException("larger than 64 KiB (expected: an OCSP response in DER)");
            }
            show(OcspAnswer.read(Files.readAllBytes(file), certificate, authority, now), file.toString());
        } catch (IOException | IllegalArgumentException e) {
            refuse(file.toString(), e);
        }
    }

    private void ask(URI at, X509Certificate authority) {
        try {
            byte[] der = OcspResponder.ask(at, OcspAnswer.question(certificate, authority));
            Instant now = Instant.now();
            OcspAnswer answer = OcspAnswer.read(der, certificate, authority, now);
            pause = FIRST_PAUSE;
            due = now.plus(trusted(answer, now));
            if (!closed) {
                show(answer, at.toString());
            }
        } catch (IOException | IllegalArgumentException e) {
            due = Instant.now().plus(spread(pause));
            pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause.multipliedBy(2);
            if (!closed) {
                refuse(at.toString(), e);
            }
        } finally {
            asking = false;
        }
    }

    /** For how long an answer is good enough: to the middle of its life, at most half a day. */
    private static Duration trusted(OcspAnswer answer, Instant now) {
        Duration left = Duration.between(now, answer.until());
        Duration half = Duration.between(answer.from(), answer.until()).dividedBy(2);
        Duration time = left.compareTo(half) < 0 ? left.dividedBy(2) : left.minus(half);
        Duration most = time.compareTo(LONGEST_TRUST) > 0 ? LONGEST_TRUST : time;
        return spread(most.compareTo(SHORTEST_TRUST) < 0 ? SHORTEST_TRUST : most);
    }

    /** Less by up to a tenth, so that many nodes do not ask at once. */
    private static Duration spread(Duration time) {
        return time.minusMillis(ThreadLocalRandom.current().nextLong(1 + time.toMillis() / 10));
    }

    private void show(OcspAnswer answer, String where) {
        staple.show(answer.der(), answer.until().toEpochMilli());
        LOG.info("ocsp answer stapled certificate={} from={} until={}", name(), where, answer.until());
    }

    private void refuse(String where, Exception cause) {
        refused.increment();
        if (cause instanceof OcspAnswer.Revoked) {
            staple.drop();
        }
        LOG.error(
                "ocsp answer refused certificate={} from={} stapled-until={}: {}",
                name(),
                where,
                Instant.ofEpochMilli(staple.endsMs()),
                cause instanceof IOException ? cause.toString() : cause.getMessage());
    }

    private String name() {
        return certificate.getSubjectX500Principal().getName();
    }

    /** Its certificate is not in use any more. */
    void close() {
        closed = true;
    }
}
