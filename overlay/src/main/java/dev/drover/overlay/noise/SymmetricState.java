package dev.drover.overlay.noise;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** SymmetricState and CipherState of a handshake (Noise revision 34, sections 5.1 and 5.2) with AES-GCM and SHA-256. */
final class SymmetricState {
    static final int HASH_BYTES = 32;
    static final int TAG_BYTES = 16;
    private static final int NONCE_BYTES = 12;

    private byte[] chainingKey;
    private byte[] hash;
    private byte[] key = new byte[0];
    private long nonce;

    SymmetricState(String protocol) {
        byte[] name = protocol.getBytes(StandardCharsets.US_ASCII);
        hash = name.length <= HASH_BYTES ? Arrays.copyOf(name, HASH_BYTES) : sha256(name);
        chainingKey = hash.clone();
    }

    void mixHash(byte[] data) {
        hash = sha256(hash, data);
    }

    void mixKey(byte[] secret) {
        byte[][] keys = hkdf(chainingKey, secret);
        wipe();
        chainingKey = keys[0];
        key = keys[1];
        nonce = 0;
        Arrays.fill(secret, (byte) 0);
    }

    byte[] encryptAndHash(byte[] plain) {
        try {
            byte[] sealed = key.length == 0 ? plain : crypt(Cipher.ENCRYPT_MODE, plain);
            mixHash(sealed);
            return sealed;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("JDK without AES/GCM", e);
        }
    }

    byte[] decryptAndHash(byte[] sealed) throws NoiseException {
        try {
            byte[] plain = key.length == 0 ? sealed : crypt(Cipher.DECRYPT_MODE, sealed);
            mixHash(sealed);
            return plain;
        } catch (AEADBadTagException e) {
            throw new NoiseException("tag is wrong", e);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("JDK without AES/GCM", e);
        }
    }

    private byte[] crypt(int mode, byte[] text) throws GeneralSecurityException {
        byte[] iv = ByteBuffer.allocate(NONCE_BYTES).putInt(0).putLong(nonce).array();
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, new SecretKeySpec(key, "AES"), new GCMParameterSpec(TAG_BYTES * Byte.SIZE, iv));
        cipher.updateAAD(hash);
        byte[] result = cipher.doFinal(text);
        nonce++;
        return result;
    }

    /** The two transport keys: initiator to responder, and back. */
    byte[][] split() {
        return hkdf(chainingKey, new byte[0]);
    }

    byte[] hash() {
        return hash.clone();
    }

    void wipe() {
        Arrays.fill(chainingKey, (byte) 0);
        Arrays.fill(key, (byte) 0);
    }

    private static byte[][] hkdf(byte[] chainingKey, byte[] input) {
        byte[] temporary = hmac(chainingKey, input);
        byte[] one = hmac(temporary, new byte[] {1});
        byte[] more = Arrays.copyOf(one, HASH_BYTES + 1);
        more[HASH_BYTES] = 2;
        byte[] two = hmac(temporary, more);
        Arrays.fill(temporary, (byte) 0);
        Arrays.fill(more, (byte) 0);
        return new byte[][] {one, two};
    }

    static byte[] hmac(byte[] key, byte[] data) {
        return mac(key).doFinal(data);
    }

    static Mac mac(byte[] key) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            return mac;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("JDK without HmacSHA256", e);
        }
    }

    static byte[] sha256(byte[]... parts) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (byte[] part : parts) {
                digest.update(part);
            }
            return digest.digest();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("JDK without SHA-256", e);
        }
    }
}
