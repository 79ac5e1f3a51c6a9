package dev.drover.overlay.noise;

import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.spec.NamedParameterSpec;
import java.security.spec.XECPrivateKeySpec;
import java.security.spec.XECPublicKeySpec;
import javax.crypto.KeyAgreement;

/** Diffie-Hellman on Curve25519 (RFC 7748 section 5) with keys as 32 bytes, by the JDK. */
public final class X25519 {
    public static final int KEY_BYTES = 32;

    private static final SecureRandom RANDOM = new SecureRandom();
    private static final byte[] BASE_POINT = basePoint();

    private X25519() {}

    private static byte[] basePoint() {
        byte[] point = new byte[KEY_BYTES];
        point[0] = 9;
        return point;
    }

    /** 32 fresh bytes; the function itself clears and sets the bits that RFC 7748 names. */
    public static byte[] newPrivateKey() {
        byte[] key = new byte[KEY_BYTES];
        RANDOM.nextBytes(key);
        return key;
    }

    /** The public key of a private one. */
    public static byte[] publicKey(byte[] privateKey) {
        try {
            return agree(privateKey, BASE_POINT);
        } catch (NoiseException e) {
            throw new IllegalStateException("the base point is of full order", e);
        }
    }

    /**
     * The shared secret.
     *
     * @throws NoiseException the public key is one of the few that give the same secret with every private key
     */
    static byte[] agree(byte[] privateKey, byte[] publicKey) throws NoiseException {
        try {
            KeyAgreement agreement = KeyAgreement.getInstance("X25519");
            agreement.init(privateKey(privateKey));
            agreement.doPhase(publicKeyOf(publicKey), true);
            return agreement.generateSecret();
        } catch (InvalidKeyException e) {
            throw new NoiseException("public key of small order", e);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("JDK without X25519", e);
        }
    }

    private static PrivateKey privateKey(byte[] bytes) throws GeneralSecurityException {
        return KeyFactory.getInstance("X25519")
                .generatePrivate(new XECPrivateKeySpec(NamedParameterSpec.X25519, bytes));
    }

    private static PublicKey publicKeyOf(byte[] bytes) throws GeneralSecurityException {
        byte[] bigEndian = new byte[KEY_BYTES];
        for (int i = 0; i < KEY_BYTES; i++) {
            bigEndian[i] = bytes[KEY_BYTES - 1 - i];
        }
        bigEndian[0] &= 0x7f; // RFC 7748 section 5: the highest bit is ignored
        BigInteger u = new BigInteger(1, bigEndian);
        return KeyFactory.getInstance("X25519").generatePublic(new XECPublicKeySpec(NamedParameterSpec.X25519, u));
    }
}
