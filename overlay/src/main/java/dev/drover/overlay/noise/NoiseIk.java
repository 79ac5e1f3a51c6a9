package dev.drover.overlay.noise;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One handshake of {@code Noise_IK_25519_AESGCM_SHA256} (Noise revision 34, section 7.5), at either end. The initiator
 * knows the responder's static key beforehand and sends its own with the first message, encrypted:
 *
 * <pre>
 *  &lt;- s
 *  ...
 *  -&gt; e, es, s, ss
 *  &lt;- e, ee, se
 * </pre>
 *
 * Not thread-safe. {@link #close} wipes all secrets.
 */
public final class NoiseIk implements AutoCloseable {
    public static final String PROTOCOL = "Noise_IK_25519_AESGCM_SHA256";

    /** What the two messages have beyond their payloads. */
    public static final int INITIATION_OVERHEAD_BYTES = 32 + 32 + 16 + 16;

    public static final int RESPONSE_OVERHEAD_BYTES = 32 + 16;

    private static final int SEALED_KEY_BYTES = X25519.KEY_BYTES + SymmetricState.TAG_BYTES;

    private final SymmetricState state = new SymmetricState(PROTOCOL);
    private final byte[] ownPrivate;
    private final byte[] ownPublic;
    private final byte[] ephemeral;
    private byte[] remoteStatic;
    private byte[] remoteEphemeral = new byte[0];

    /** What a handshake gives: a key for each direction. The receiver of this wipes it. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    public record Keys(byte[] initiatorToResponder, byte[] responderToInitiator) {
        public void wipe() {
            Arrays.fill(initiatorToResponder, (byte) 0);
            Arrays.fill(responderToInitiator, (byte) 0);
        }

        @Override
        public String toString() {
            return "Keys";
        }
    }

    private NoiseIk(byte[] prologue, byte[] ownPrivate, byte[] ephemeral, byte @Nullable [] remoteStatic) {
        this.ownPrivate = ownPrivate.clone();
        this.ephemeral = ephemeral.clone();
        ownPublic = X25519.publicKey(ownPrivate);
        this.remoteStatic = remoteStatic == null ? new byte[0] : remoteStatic.clone();
        state.mixHash(prologue);
        state.mixHash(remoteStatic == null ? ownPublic : remoteStatic);
    }

    /** The end that begins. */
    public static NoiseIk initiator(byte[] prologue, byte[] ownPrivate, byte[] remoteStatic) {
        return initiator(prologue, ownPrivate, remoteStatic, X25519.newPrivateKey());
    }

    static NoiseIk initiator(byte[] prologue, byte[] ownPrivate, byte[] remoteStatic, byte[] ephemeral) {
        return new NoiseIk(prologue, ownPrivate, ephemeral, remoteStatic);
    }

    /** The end that answers. */
    public static NoiseIk responder(byte[] prologue, byte[] ownPrivate) {
        return responder(prologue, ownPrivate, X25519.newPrivateKey());
    }

    static NoiseIk responder(byte[] prologue, byte[] ownPrivate, byte[] ephemeral) {
        return new NoiseIk(prologue, ownPrivate, ephemeral, null);
    }

    /** First message, by the initiator. */
    public byte[] writeInitiation(byte[] payload) throws NoiseException {
        byte[] publicEphemeral = X25519.publicKey(ephemeral);
        state.mixHash(publicEphemeral);
        state.mixKey(X25519.agree(ephemeral, remoteStatic));
        byte[] sealedStatic = state.encryptAndHash(ownPublic);
        state.mixKey(X25519.agree(ownPrivate, remoteStatic));
        return concat(publicEphemeral, sealedStatic, state.encryptAndHash(payload));
    }

    /** Takes the first message, by the responder; returns its payload. Only now {@link #remoteStatic} is known. */
    public byte[] readInitiation(byte[] message) throws NoiseException {
        if (message.length < INITIATION_OVERHEAD_BYTES) {
            throw new NoiseException("too short", null);
        }
        remoteEphemeral = Arrays.copyOf(message, X25519.KEY_BYTES);
        int payload = X25519.KEY_BYTES + SEALED_KEY_BYTES;
        state.mixHash(remoteEphemeral);
        state.mixKey(X25519.agree(ownPrivate, remoteEphemeral));
        remoteStatic = state.decryptAndHash(Arrays.copyOfRange(message, X25519.KEY_BYTES, payload));
        state.mixKey(X25519.agree(ownPrivate, remoteStatic));
        return state.decryptAndHash(Arrays.copyOfRange(message, payload, message.length));
    }

    /** Second message, by the responder. */
    public byte[] writeResponse(byte[] payload) throws NoiseException {
        byte[] publicEphemeral = X25519.publicKey(ephemeral);
        state.mixHash(publicEphemeral);
        state.mixKey(X25519.agree(ephemeral, remoteEphemeral));
        state.mixKey(X25519.agree(ephemeral, remoteStatic));
        return concat(publicEphemeral, state.encryptAndHash(payload));
    }

    /** Takes the second message, by the initiator; returns its payload. After a failure this handshake is spent. */
    public byte[] readResponse(byte[] message) throws NoiseException {
        if (message.length < RESPONSE_OVERHEAD_BYTES) {
            throw new NoiseException("too short", null);
        }
        remoteEphemeral = Arrays.copyOf(message, X25519.KEY_BYTES);
        state.mixHash(remoteEphemeral);
        state.mixKey(X25519.agree(ephemeral, remoteEphemeral));
        state.mixKey(X25519.agree(ownPrivate, remoteEphemeral));
        return state.decryptAndHash(Arrays.copyOfRange(message, X25519.KEY_BYTES, message.length));
    }

    /** The transport keys, after the second message. */
    public Keys split() {
        byte[][] keys = state.split();
        return new Keys(keys[0], keys[1]);
    }

    /** The other end's static key. */
    public byte[] remoteStatic() {
        return remoteStatic.clone();
    }

    byte[] handshakeHash() {
        return state.hash();
    }

    private static byte[] concat(byte[]... parts) {
        int length = Arrays.stream(parts).mapToInt(part -> part.length).sum();
        ByteBuffer all = ByteBuffer.allocate(length);
        for (byte[] part : parts) {
            all.put(part);
        }
        return all.array();
    }

    @Override
    public void close() {
        state.wipe();
        Arrays.fill(ownPrivate, (byte) 0);
        Arrays.fill(ephemeral, (byte) 0);
    }
}
