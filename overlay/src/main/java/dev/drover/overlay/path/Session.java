package dev.drover.overlay.path;

import static dev.drover.overlay.path.Wire.SEALED_COUNTER;
import static dev.drover.overlay.path.Wire.SEALED_DATA;
import static dev.drover.overlay.path.Wire.SEALED_HEADER_BYTES;
import static dev.drover.overlay.path.Wire.SEALED_INDEX;
import static dev.drover.overlay.path.Wire.SEALED_OVERHEAD_BYTES;

import dev.drover.dataplane.Aead;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import org.jspecify.annotations.Nullable;

/**
 * The keys that one handshake with a peer gave, and which packets were sent and accepted under them.
 *
 * <p>A counter, and with it a nonce, is used once: its upper 16 bits are the stream, one for each sending socket of each
 * lane and one for the control thread, and each stream has one thread that counts it on. A stream leaves by one source
 * port, so that its packets arrive in order on one lane of the peer, except when the network reorders. {@link ReplayWindow}
 * keeps them apart by stream and can be asked by every lane. Cipher contexts are one a thread.
 *
 * <pre>
 *  counter:  | stream 16 | 0 | sequence number 36 |
 * </pre>
 *
 * Made and closed on the control thread; closed only when no lane can be using it any more.
 */
public final class Session implements AutoCloseable {
    private static final int STREAM_SHIFT = 48;
    private static final long SEQUENCE_MASK = (1L << STREAM_SHIFT) - 1;
    /** Distance between the counters of two streams: no two lanes write to a cache line. */
    private static final int STRIDE = 16;

    /** Most streams of a peer. */
    public static final int MAX_STREAMS = 4_096;

    private final int localIndex;
    private final int remoteIndex;
    private final Slab slab = new Slab();
    private final Aead[] seals;
    private final Aead[] opens;
    private final long[] sequences;
    private final int remoteStreams;
    private final ReplayWindow window;
    private volatile boolean heard;

    /**
     * @param localIndex that the peer writes into its packets
     * @param remoteIndex that is written into packets to the peer
     * @param sendKey copied, the caller wipes it
     * @param receiveKey copied, the caller wipes it
     * @param lanes threads that seal and open; thread number {@code lanes} is the control thread
     * @param streams of this end
     * @param remoteStreams of the peer, 1 to {@value #MAX_STREAMS}
     */
    public Session(
            int localIndex,
            int remoteIndex,
            byte[] sendKey,
            byte[] receiveKey,
            int lanes,
            int streams,
            int remoteStreams) {
        this.localIndex = localIndex;
        this.remoteIndex = remoteIndex;
        this.remoteStreams = remoteStreams;
        seals = new Aead[lanes + 1];
        opens = new Aead[lanes];
        for (int i = 0; i < seals.length; i++) {
            seals[i] = Aead.sealing(sendKey, slab);
        }
        for (int i = 0; i < opens.length; i++) {
            opens[i] = Aead.opening(receiveKey, slab);
        }
        sequences = new long[(streams + 1) * STRIDE];
        window = new ReplayWindow(remoteStreams);
    }

    /** What the peer writes into packets of this session. */
    public int localIndex() {
        return localIndex;
    }

    /** Whether a packet of the peer was accepted: it has the keys. */
    public boolean heard() {
        return heard;
    }

    void onHeard() {
        heard = true;
    }

    /** Whether the stream still has numbers for a super-frame; a session is over long before it has not. */
    boolean spent(int stream) {
        return sequences[(stream + 1) * STRIDE] >= ReplayWindow.END - Wire.MAX_SEGMENTS;
    }

    /**
     * Makes a sealed datagram of {@code length} bytes that lie {@value Wire#SEALED_HEADER_BYTES} bytes behind
     * {@code datagram}, with room for the tag behind them; returns the datagram's length.
     *
     * @param lane of the calling thread
     * @param stream counted by that thread alone
     */
    public int seal(int lane, int stream, long datagram, int length) {
        int cell = (stream + 1) * STRIDE;
        long counter = (long) stream << STREAM_SHIFT | sequences[cell]++;
        Memory.putInt(datagram, SEALED_DATA);
        Memory.putIntBe(datagram + SEALED_INDEX, remoteIndex);
        Memory.putLong(datagram + SEALED_COUNTER, Long.reverseBytes(counter));
        seals[lane].seal(counter, datagram + SEALED_HEADER_BYTES, length);
        return SEALED_OVERHEAD_BYTES + length;
    }

    /**
     * Opens a datagram of at least {@value Wire#SEALED_OVERHEAD_BYTES} bytes where it is.
     *
     * @return null when it is the peer's and new; {@link #heard} is for the caller to set
     */
    @Nullable
    Drop open(int lane, long datagram, int length) {
        long counter = Memory.getLongBe(datagram + SEALED_COUNTER);
        int stream = (int) (counter >>> STREAM_SHIFT);
        long sequence = counter & SEQUENCE_MASK;
        if (stream >= remoteStreams || sequence >= ReplayWindow.END) {
            return Drop.BAD_TAG;
        }
        if (window.refuses(stream, sequence)) {
            return Drop.REPLAYED;
        }
        if (!opens[lane].open(counter, datagram + SEALED_HEADER_BYTES, length - SEALED_OVERHEAD_BYTES)) {
            return Drop.BAD_TAG;
        }
        return window.accept(stream, sequence) ? null : Drop.REPLAYED;
    }

    /** Wipes the keys. */
    @Override
    public void close() {
        for (Aead aead : seals) {
            aead.close();
        }
        for (Aead aead : opens) {
            aead.close();
        }
        slab.close();
    }
}
