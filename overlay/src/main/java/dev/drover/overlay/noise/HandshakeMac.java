package dev.drover.overlay.noise;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;

/**
 * The code behind a handshake message that shows that its sender knows the receiver's public key, so that what others
 * send is refused for the price of a hash. The idea is that of WireGuard's mac1.
 */
public final class HandshakeMac {
    public static final int BYTES = 16;

    private static final byte[] LABEL = "drover overlay mac1".getBytes(StandardCharsets.US_ASCII);

    private final byte[] key;

    /** @param receiver public key of who receives the messages */
    public HandshakeMac(byte[] receiver) {
        key = SymmetricState.sha256(LABEL, receiver);
    }

    /** The message with its code behind it. */
    public byte[] append(byte[] message) {
        byte[] all = Arrays.copyOf(message, message.length + BYTES);
        System.arraycopy(SymmetricState.hmac(key, message), 0, all, message.length, BYTES);
        return all;
    }

    /** Whether the last bytes of the message, at least {@link #BYTES} long, are its code. */
    public boolean isRight(byte[] message) {
        int length = message.length - BYTES;
        byte[] expected = SymmetricState.hmac(key, Arrays.copyOf(message, length));
        return MessageDigest.isEqual(
                Arrays.copyOf(expected, BYTES), Arrays.copyOfRange(message, length, message.length));
    }
}
