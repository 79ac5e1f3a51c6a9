package dev.drover.dataplane;

import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** By the JDK's cipher: works everywhere, copies and allocates. */
final class JdkAead extends Aead {
    private static final int NONCE_BYTES = 12;

    private final byte[] key;
    private final Cipher cipher;
    private final int mode;
    private final byte[] nonce = new byte[NONCE_BYTES];

    JdkAead(byte[] key, boolean seals) {
        if (key.length != KEY_BYTES) {
            throw new IllegalArgumentException("key: " + key.length + " bytes (expected: " + KEY_BYTES + ")");
        }
        this.key = key.clone();
        mode = seals ? Cipher.ENCRYPT_MODE : Cipher.DECRYPT_MODE;
        try {
            cipher = Cipher.getInstance("AES/GCM/NoPadding");
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("aead: JDK without AES/GCM", e);
        }
    }

    @Override
    public void seal(long counter, long address, int length) {
        try {
            Memory.copyIn(run(counter, address, length), address);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("aead: not sealed", e);
        }
    }

    @Override
    public boolean open(long counter, long address, int length) {
        try {
            Memory.copyIn(run(counter, address, length + TAG_BYTES), address);
            return true;
        } catch (AEADBadTagException e) {
            return false;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("aead: not opened", e);
        }
    }

    private byte[] run(long counter, long address, int length) throws GeneralSecurityException {
        for (int i = 0; i < Long.BYTES; i++) {
            nonce[NONCE_BYTES - 1 - i] = (byte) (counter >>> i * Byte.SIZE);
        }
        cipher.init(mode, new SecretKeySpec(key, "AES"), new GCMParameterSpec(TAG_BYTES * Byte.SIZE, nonce));
        return cipher.doFinal(Memory.copyOut(address, length));
    }

    @Override
    public void close() {
        Arrays.fill(key, (byte) 0);
    }
}
