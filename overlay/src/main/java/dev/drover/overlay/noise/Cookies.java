package dev.drover.overlay.noise;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Proof that who sends from an address also receives there, asked for before work is done when there is too much of it. The
 * idea is that of WireGuard's cookie and mac2 (its paper, section 5.3). Stateless: a cookie is a code of address and port
 * under a secret that changes every two minutes and is good for as long again.
 *
 * <pre>
 *  initiation:  message | mac1 16 | mac2 16        mac2: code of what is before it by the cookie; zeros without one
 *  reply:       3 | 0 0 0 | nonce 12 | sealed cookie 16 + 16      bound to the mac1 of the initiation it answers
 * </pre>
 *
 * Owned by one thread.
 */
public final class Cookies {
    /** Bytes of a cookie and of mac2. */
    public static final int BYTES = 16;

    private static final byte TYPE = 3;
    private static final int TYPE_BYTES = 4;
    private static final int NONCE_BYTES = 12;
    private static final int TAG_BITS = 128;
    public static final int REPLY_BYTES = TYPE_BYTES + NONCE_BYTES + BYTES + TAG_BITS / Byte.SIZE;

    private static final int SECRET_BYTES = 32;
    private static final byte[] LABEL = "drover overlay cookie".getBytes(StandardCharsets.US_ASCII);

    private final long periodNs;
    private final SecureRandom random = new SecureRandom();
    private final byte[] key;
    private final Mac byCookie;
    private Mac secret;
    private Mac formerSecret;
    private long secretNs;

    /**
     * @param own public key, by which replies are sealed
     * @param periodNs time until the secret changes
     */
    public Cookies(byte[] own, long periodNs, long nowNs) {
        this.periodNs = periodNs;
        key = replyKey(own);
        byCookie = freshSecret();
        secret = freshSecret();
        formerSecret = freshSecret();
        secretNs = nowNs;
    }

    private Mac freshSecret() {
        byte[] bytes = new byte[SECRET_BYTES];
        random.nextBytes(bytes);
        return SymmetricState.mac(bytes);
    }

    private static byte[] replyKey(byte[] responder) {
        return SymmetricState.sha256(LABEL, responder);
    }

    /** The message, which ends with mac1, with mac2 behind it. */
    public static byte[] append(byte[] message, byte @Nullable [] cookie) {
        byte[] all = Arrays.copyOf(message, message.length + BYTES);
        if (cookie != null) {
            System.arraycopy(SymmetricState.hmac(cookie, message), 0, all, message.length, BYTES);
        }
        return all;
    }

    /** Whether a message ends with mac2 by the cookie of its sender, or by the one he had before. */
    public boolean isRight(InetAddress address, int port, byte[] message, long nowNs) {
        rotate(nowNs);
        int length = message.length - BYTES;
        byte[] told = Arrays.copyOfRange(message, length, message.length);
        if (MessageDigest.isEqual(told, new byte[BYTES])) {
            return false;
        }
        return isBy(cookie(secret, address, port), message, length, told)
                || isBy(cookie(formerSecret, address, port), message, length, told);
    }

    /** With one {@link Mac} for all: making one takes longer than this. */
    private boolean isBy(byte[] cookie, byte[] message, int length, byte[] told) {
        try {
            byCookie.init(new SecretKeySpec(cookie, byCookie.getAlgorithm()));
        } catch (InvalidKeyException e) {
            throw new IllegalStateException("JDK without HmacSHA256", e);
        }
        byCookie.update(message, 0, length);
        return MessageDigest.isEqual(Arrays.copyOf(byCookie.doFinal(), BYTES), told);
    }

    private static byte[] cookie(Mac secret, InetAddress address, int port) {
        secret.update(address.getAddress());
        secret.update((byte) (port >>> Byte.SIZE));
        secret.update((byte) port);
        return Arrays.copyOf(secret.doFinal(), BYTES);
    }

    private void rotate(long nowNs) {
        long age = nowNs - secretNs;
        if (age >= periodNs) {
            formerSecret = age >= 2 * periodNs ? freshSecret() : secret;
            secret = freshSecret();
            secretNs = nowNs;
        }
    }

    /** Tells the sender of an initiation his cookie. */
    public byte[] reply(InetAddress address, int port, byte[] initiation, long nowNs) {
        rotate(nowNs);
        byte[] nonce = new byte[NONCE_BYTES];
        random.nextBytes(nonce);
        byte[] sealed;
        try {
            sealed = cipher(Cipher.ENCRYPT_MODE, key, nonce, mac1(initiation)).doFinal(cookie(secret, address, port));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("JDK without AES/GCM", e);
        }
        return ByteBuffer.allocate(REPLY_BYTES)
                .put(TYPE)
                .put(TYPE_BYTES, nonce)
                .put(TYPE_BYTES + NONCE_BYTES, sealed)
                .array();
    }

    public static boolean isReply(byte[] message) {
        return message.length == REPLY_BYTES && message[0] == TYPE;
    }

    /** mac1 of an initiation, which stands before mac2. */
    private static byte[] mac1(byte[] initiation) {
        int end = initiation.length - BYTES;
        return Arrays.copyOfRange(initiation, end - HandshakeMac.BYTES, end);
    }

    /**
     * Opens a reply.
     *
     * @param responder public key of who sent it
     * @param initiation that it has to be an answer to
     * @return the cookie
     * @throws NoiseException it is not
     */
    public static byte[] open(byte[] responder, byte[] initiation, byte[] reply) throws NoiseException {
        byte[] nonce = Arrays.copyOfRange(reply, TYPE_BYTES, TYPE_BYTES + NONCE_BYTES);
        try {
            return cipher(Cipher.DECRYPT_MODE, replyKey(responder), nonce, mac1(initiation))
                    .doFinal(reply, TYPE_BYTES + NONCE_BYTES, reply.length - TYPE_BYTES - NONCE_BYTES);
        } catch (GeneralSecurityException e) {
            throw new NoiseException("no cookie for us", e);
        }
    }

    private static Cipher cipher(int mode, byte[] key, byte[] nonce, byte[] bound) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, new SecretKeySpec(key, "AES"), new GCMParameterSpec(TAG_BITS, nonce));
        cipher.updateAAD(bound);
        return cipher;
    }
}
