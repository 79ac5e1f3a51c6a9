package dev.drover.overlay;

import dev.drover.overlay.noise.X25519;
import java.util.Arrays;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/** Public X25519 key of a tunnel endpoint; its text is the Base64 of 32 bytes. */
public final class PeerKey {
    private final byte[] bytes;

    PeerKey(byte[] bytes) {
        this.bytes = bytes.clone();
    }

    /** @throws IllegalArgumentException {@code public-key: value (expected: …)} */
    public static PeerKey parse(String text) {
        byte[] bytes = decode(text);
        if (bytes == null || Arrays.equals(bytes, new byte[X25519.KEY_BYTES])) {
            throw new IllegalArgumentException(
                    "public-key: " + text + " (expected: Base64 of 32 bytes, as drover overlay keygen prints it)");
        }
        return new PeerKey(bytes);
    }

    static byte @Nullable [] decode(String text) {
        try {
            byte[] bytes = Base64.getDecoder().decode(text);
            return bytes.length == X25519.KEY_BYTES ? bytes : null;
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    byte[] bytes() {
        return bytes.clone();
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof PeerKey key && Arrays.equals(bytes, key.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
        return Base64.getEncoder().encodeToString(bytes);
    }
}
