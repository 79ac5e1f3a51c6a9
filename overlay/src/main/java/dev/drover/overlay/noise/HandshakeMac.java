package dev.drover.overlay.noise;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import javax.crypto.Mac;

/**
 * The code behind a handshake message that shows that its sender knows the receiver's public key, so that what others
 * send is refused for the price of a hash. The idea is that of WireGuard's mac1. Owned by one thread.
 */
public final class HandshakeMac {
    public static final int BYTES = 16;

    private static final byte[] LABEL = "drover overlay mac1".getBytes(StandardCharsets.US_ASCII);

    private final Mac mac;

    /** @param receiver public key of who receives the messages */
    public HandshakeMac(byte[] receiver) {
        mac = SymmetricState.mac(SymmetricState.sha256(LABEL, receiver));
    }

    /** The message with its code behind it. */
    public byte[] append(byte[] message) {
        byte[] all = Arrays.copyOf(message, message.length + BYTES);
        System.arraycopy(mac.doFinal(message), 0, all, message.length, BYTES);
        return all;
    }

    /**
     * Whether a message contains its code.
     *
     * @param end of the code, at least {@link #BYTES}; what is behind it does not count
     */
    public boolean isRight(byte[] message, int end) {
        int length = end - BYTES;
        mac.update(message, 0, length);
        return MessageDigest.isEqual(Arrays.copyOf(mac.doFinal(), BYTES), Arrays.copyOfRange(message, length, end));
    }
}
