package dev.drover.lb;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Names of targets in cookies. They are keyed hashes, so that nobody learns addresses from them: of a target's id, which
 * gives the same name on every host, by a public key; of its address by a key of this process, since there are too few
 * addresses for a public one.
 */
final class StickyTokens {
    private static final byte[] PUBLIC = "drover sticky cookie".getBytes(StandardCharsets.US_ASCII);

    private final byte[] secret = new byte[32];

    StickyTokens() {
        new SecureRandom().nextBytes(secret);
    }

    /** Never 0. */
    long token(String pool, InetSocketAddress address, @Nullable String id) {
        String name = pool + '\0' + (id == null ? Addresses.text(address) : id);
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(id == null ? secret : PUBLIC, "HmacSHA256"));
            long token = ByteBuffer.wrap(mac.doFinal(name.getBytes(StandardCharsets.UTF_8)))
                    .getLong();
            return token == 0 ? 1 : token;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("HmacSHA256: not there (expected: in every JDK)", e);
        }
    }
}
