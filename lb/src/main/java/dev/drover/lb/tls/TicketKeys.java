package dev.drover.lb.tls;

import io.netty.handler.ssl.OpenSslServerSessionContext;
import io.netty.handler.ssl.OpenSslSessionTicketKey;
import io.netty.handler.ssl.SslContext;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Keys of session tickets (RFC 5077, RFC 8446 section 4.6.1): made here, never stored, the newest seals and the last
 * three open. A stolen key so opens what was resumed within three turns, not all that was ever sent.
 *
 * <p>Each certificate has keys of its own, derived from the ones of the turn: a session made under one certificate, or
 * for other authorities of clients, cannot be resumed under another.
 */
final class TicketKeys {
    private static final int KEPT = 3;
    private static final int SEED_BYTES = 32;
    private static final String DERIVATION = "HmacSHA512";
    /** How long a session may be resumed; keys live longer than that when they turn every hour. */
    private static final int SESSION_SECONDS = 7_200;

    private final SecureRandom random = new SecureRandom();
    private final ArrayDeque<byte[]> seeds = new ArrayDeque<>();

    TicketKeys() {
        turn();
    }

    /** Makes new keys and drops the oldest; contexts learn of it by {@link #give}. */
    synchronized void turn() {
        byte[] seed = new byte[SEED_BYTES];
        random.nextBytes(seed);
        seeds.addFirst(seed);
        if (seeds.size() > KEPT) {
            seeds.removeLast();
        }
    }

    /** @param policy what a session must have been made under to be resumed: certificate and client authorities */
    synchronized void give(SslContext context, byte[] policy) {
        if (context.sessionContext() instanceof OpenSslServerSessionContext sessions) {
            sessions.setSessionTimeout(SESSION_SECONDS);
            sessions.setTicketKeys(
                    seeds.stream().map(seed -> derive(seed, policy)).toArray(OpenSslSessionTicketKey[]::new));
        }
    }

    private static OpenSslSessionTicketKey derive(byte[] seed, byte[] policy) {
        try {
            Mac mac = Mac.getInstance(DERIVATION);
            mac.init(new SecretKeySpec(seed, DERIVATION));
            byte[] bytes = mac.doFinal(policy);
            int hmac = OpenSslSessionTicketKey.NAME_SIZE;
            int aes = hmac + OpenSslSessionTicketKey.HMAC_KEY_SIZE;
            return new OpenSslSessionTicketKey(
                    Arrays.copyOfRange(bytes, 0, hmac),
                    Arrays.copyOfRange(bytes, hmac, aes),
                    Arrays.copyOfRange(bytes, aes, aes + OpenSslSessionTicketKey.AES_KEY_SIZE));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(DERIVATION + ": missing (expected: in every JDK)", e);
        }
    }
}
