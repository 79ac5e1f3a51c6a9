package dev.drover.overlay;

import dev.drover.overlay.noise.Cookies;
import dev.drover.overlay.noise.HandshakeMac;
import dev.drover.overlay.noise.NoiseException;
import dev.drover.overlay.noise.NoiseIk;
import dev.drover.overlay.path.Session;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The handshake's two messages on the wire (docs/adr/0008). The codes behind each, {@link HandshakeMac} and that of
 * {@link Cookies}, are the caller's to add and to check.
 *
 * <pre>
 *  initiation:  1 | 0 0 0 |                | Noise message { time 8, index 4, streams 2 } | mac1 16 | mac2 16 |
 *  response:    2 | 0 0 0 | receiver index | Noise message { index 4, streams 2 }         | mac1 16 |
 * </pre>
 */
final class HandshakeMessage {
    private static final byte INITIATION = 1;
    private static final byte RESPONSE = 2;
    private static final int TYPE_BYTES = 4;
    private static final int RESPONSE_HEADER_BYTES = TYPE_BYTES + 4;
    private static final int INITIATION_PAYLOAD_BYTES = 8 + 4 + 2;
    private static final int RESPONSE_PAYLOAD_BYTES = 4 + 2;
    static final int INITIATION_BYTES = TYPE_BYTES
            + NoiseIk.INITIATION_OVERHEAD_BYTES
            + INITIATION_PAYLOAD_BYTES
            + HandshakeMac.BYTES
            + Cookies.BYTES;
    static final int RESPONSE_BYTES =
            RESPONSE_HEADER_BYTES + NoiseIk.RESPONSE_OVERHEAD_BYTES + RESPONSE_PAYLOAD_BYTES + HandshakeMac.BYTES;

    private HandshakeMessage() {}

    /**
     * What an initiation tells under seal.
     *
     * @param timestamp later than that of the one before, nanoseconds
     * @param index that the sender gives the session
     */
    record Initiation(long timestamp, int index, int streams) {
        byte[] encode() {
            return ByteBuffer.allocate(INITIATION_PAYLOAD_BYTES)
                    .putLong(timestamp)
                    .putInt(index)
                    .putShort((short) streams)
                    .array();
        }

        /** From a payload of the length that {@link #isInitiation} has checked. */
        static Initiation decode(byte[] payload) {
            ByteBuffer fields = ByteBuffer.wrap(payload);
            return new Initiation(fields.getLong(), fields.getInt(), Short.toUnsignedInt(fields.getShort()));
        }
    }

    /** What a response tells under seal; fields as in {@link Initiation}. */
    record Response(int index, int streams) {
        byte[] encode() {
            return ByteBuffer.allocate(RESPONSE_PAYLOAD_BYTES)
                    .putInt(index)
                    .putShort((short) streams)
                    .array();
        }

        static Response decode(byte[] payload) {
            ByteBuffer fields = ByteBuffer.wrap(payload);
            return new Response(fields.getInt(), Short.toUnsignedInt(fields.getShort()));
        }
    }

    static boolean isInitiation(byte[] message) {
        return message.length == INITIATION_BYTES && message[0] == INITIATION;
    }

    static boolean isResponse(byte[] message) {
        return message.length == RESPONSE_BYTES && message[0] == RESPONSE;
    }

    /** Without the code behind it. */
    static byte[] initiation(byte[] noise) {
        return ByteBuffer.allocate(TYPE_BYTES + noise.length)
                .put(INITIATION)
                .put(TYPE_BYTES, noise)
                .array();
    }

    /** Without the code behind it. */
    static byte[] response(int receiverIndex, byte[] noise) {
        return ByteBuffer.allocate(RESPONSE_HEADER_BYTES + noise.length)
                .put(RESPONSE)
                .putInt(TYPE_BYTES, receiverIndex)
                .put(RESPONSE_HEADER_BYTES, noise)
                .array();
    }

    /** Opens the Noise message of an initiation. */
    static Initiation read(NoiseIk handshake, byte[] message) throws NoiseException {
        int end = message.length - HandshakeMac.BYTES - Cookies.BYTES;
        return Initiation.decode(handshake.readInitiation(Arrays.copyOfRange(message, TYPE_BYTES, end)));
    }

    /** Opens the Noise message of a response. */
    static Response readResponse(NoiseIk handshake, byte[] message) throws NoiseException {
        return Response.decode(handshake.readResponse(
                Arrays.copyOfRange(message, RESPONSE_HEADER_BYTES, message.length - HandshakeMac.BYTES)));
    }

    /** The session that a response is for, before anything of it was checked. */
    static int receiverIndex(byte[] response) {
        return ByteBuffer.wrap(response).getInt(TYPE_BYTES);
    }

    static boolean isStreams(int streams) {
        return streams >= 1 && streams <= Session.MAX_STREAMS;
    }
}
