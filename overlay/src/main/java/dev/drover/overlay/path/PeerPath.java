package dev.drover.overlay.path;

import dev.drover.dataplane.SocketName;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.InetAddress;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * A remote tunnel endpoint as the lanes see it: where to send and what was counted, a padded row of counters a lane. The
 * object stays the same as long as the peer is configured, whatever else changes.
 */
public final class PeerPath {
    private static final VarHandle CELL = MethodHandles.arrayElementVarHandle(long[].class);
    private static final int ROW_CELLS = 32;
    private static final int TX_PACKETS = 8;
    private static final int TX_BYTES = 9;
    private static final int RX_PACKETS = 10;
    private static final int RX_BYTES = 11;
    private static final int PLAINTEXT_PACKETS = 12;

    private final InetAddress vtep;
    private final long high;
    private final long low;
    private final int port;
    private final SocketName name;
    private final boolean floods;
    private final long[] cells;
    private final int lanes;
    private volatile boolean direct;
    private volatile int mtu = Integer.MAX_VALUE;
    private volatile Keyring keyring = Keyring.EMPTY;
    private volatile boolean wanting;
    private volatile boolean remoteChecksum;
    private @Nullable Boolean remoteChecksumTold;
    private boolean remoteChecksumTaken;
    /** Packets received when {@link #notice} looked last, and when that was more than before. */
    private long noticedPackets;

    private long heardNs;

    /**
     * @param port UDP port of the peer
     * @param floods its addresses are not configured: send it what is flooded, learn from what it sends
     */
    public PeerPath(InetAddress vtep, int port, boolean floods, int lanes) {
        this.vtep = vtep;
        this.port = port;
        high = SocketName.high(vtep);
        low = SocketName.low(vtep);
        name = SocketName.of(vtep, port);
        this.floods = floods;
        this.lanes = lanes;
        this.cells = new long[lanes * ROW_CELLS];
    }

    public InetAddress vtep() {
        return vtep;
    }

    /** Upper half of the underlay address, as {@link SocketName} reads it. */
    long high() {
        return high;
    }

    /** Lower half of the underlay address. */
    long low() {
        return low;
    }

    public int port() {
        return port;
    }

    public boolean floods() {
        return floods;
    }

    /** Whether packets to it leave by the interface of this host's VTEP, the one that super-frames are sent to. */
    public boolean direct() {
        return direct;
    }

    /** Takes effect with the next frame; any thread. */
    public void direct(boolean direct) {
        this.direct = direct;
    }

    /** Largest IP packet inside that is known to arrive; above the overlay's own MTU where nothing is known. */
    public int mtu() {
        return mtu;
    }

    /** Takes effect with the next frame; any thread. */
    public void mtu(int bytes) {
        mtu = bytes;
    }

    /** Whether it takes packets with the checksum inside unfinished ({@link RemoteChecksum}). */
    public boolean remoteChecksum() {
        return remoteChecksum;
    }

    /** By the operator, null to go by what the peer says. Takes effect with the next frame; any thread. */
    public synchronized void tellRemoteChecksum(@Nullable Boolean told) {
        remoteChecksumTold = told;
        remoteChecksum = told == null ? remoteChecksumTaken : told;
    }

    /** By the peer, which is there and answers. Takes effect with the next frame; any thread. */
    public synchronized void takesRemoteChecksum(boolean takes) {
        remoteChecksumTaken = takes;
        remoteChecksum = remoteChecksumTold == null ? takes : remoteChecksumTold;
    }

    /** Its sessions, in an encrypted overlay. */
    public Keyring keyring() {
        return keyring;
    }

    /** By the control thread; sessions that are no longer in it may be in use until every lane has begun a new batch. */
    public void keyring(Keyring next) {
        keyring = next;
    }

    /** On a lane: there is traffic and no session for it. */
    void want(HandshakeRing handshakes) {
        if (!wanting) {
            wanting = true;
            handshakes.wake();
        }
    }

    /** Whether {@link #want} was called since the last time; by the control thread. */
    public boolean takeWant() {
        boolean wanted = wanting;
        if (wanted) {
            wanting = false;
        }
        return wanted;
    }

    /** Where its packets are sent; the same object as long as this one is. */
    public SocketName name() {
        return name;
    }

    void sent(int lane, int packets, long bytes) {
        add(lane, TX_PACKETS, packets);
        add(lane, TX_BYTES, bytes);
    }

    void received(int lane, int packets, long bytes) {
        add(lane, RX_PACKETS, packets);
        add(lane, RX_BYTES, bytes);
    }

    /** A datagram came that was not sealed, in an encrypted overlay. */
    void refusedPlaintext(int lane) {
        add(lane, PLAINTEXT_PACKETS, 1);
    }

    private void add(int lane, int cell, long amount) {
        int index = lane * ROW_CELLS + cell;
        CELL.setOpaque(cells, index, cells[index] + amount);
    }

    /** Looks whether anything was received since the last look, so that no lane has to read the clock. Any thread. */
    public synchronized void notice(long nowNs) {
        long packets = rxPackets();
        if (packets != noticedPackets) {
            noticedPackets = packets;
            heardNs = nowNs;
        }
    }

    /** Nanoseconds since {@link #notice} saw that something had been received; empty when nothing ever was. */
    public synchronized OptionalLong silentNs(long nowNs) {
        return noticedPackets == 0 ? OptionalLong.empty() : OptionalLong.of(nowNs - heardNs);
    }

    public long txPackets() {
        return sum(TX_PACKETS);
    }

    /** Bytes of inner frames. */
    public long txBytes() {
        return sum(TX_BYTES);
    }

    public long rxPackets() {
        return sum(RX_PACKETS);
    }

    public long rxBytes() {
        return sum(RX_BYTES);
    }

    /** Datagrams that were not sealed, in an encrypted overlay; all were dropped. */
    public long plaintextPackets() {
        return sum(PLAINTEXT_PACKETS);
    }

    private long sum(int cell) {
        long sum = 0;
        for (int lane = 0; lane < lanes; lane++) {
            sum += (long) CELL.getOpaque(cells, lane * ROW_CELLS + cell);
        }
        return sum;
    }
}
