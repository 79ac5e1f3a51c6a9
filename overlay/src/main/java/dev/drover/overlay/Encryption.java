package dev.drover.overlay;

import dev.drover.overlay.noise.X25519;
import java.security.MessageDigest;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * The private key of this host's tunnel endpoint: with it the overlay is encrypted. Nothing but {@link #privateText}
 * tells the key; as text this is the public one.
 */
public final class Encryption {
    private final byte[] privateKey;
    private final PeerKey publicKey;

    private Encryption(byte[] privateKey) {
        this.privateKey = privateKey;
        publicKey = new PeerKey(X25519.publicKey(privateKey));
    }

    /** With a new key. */
    public static Encryption generate() {
        return new Encryption(X25519.newPrivateKey());
    }

    /**
     * From what {@link #privateText} gave.
     *
     * @throws IllegalArgumentException which does not repeat the text
     */
    public static Encryption parse(String text) {
        byte[] bytes = PeerKey.decode(text.strip());
        if (bytes == null) {
            throw new IllegalArgumentException(
                    "private-key: not shown (expected: Base64 of 32 bytes, as drover overlay keygen writes it)");
        }
        return new Encryption(bytes);
    }

    /** What the peers are configured with. */
    public PeerKey publicKey() {
        return publicKey;
    }

    /** The secret, for a file that only its owner can read. */
    public String privateText() {
        return Base64.getEncoder().encodeToString(privateKey);
    }

    byte[] privateKey() {
        return privateKey.clone();
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Encryption encryption && MessageDigest.isEqual(privateKey, encryption.privateKey);
    }

    @Override
    public int hashCode() {
        return publicKey.hashCode();
    }

    @Override
    public String toString() {
        return "public-key " + publicKey;
    }
}
