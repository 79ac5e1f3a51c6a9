package dev.drover.overlay.path;

import static dev.drover.dataplane.MessageHeader.IOVEC_BYTES;
import static dev.drover.overlay.path.Wire.MAX_SEGMENTS;
import static dev.drover.overlay.path.Wire.VNET_GSO_NONE;
import static dev.drover.overlay.path.Wire.VNET_GSO_TCPV4;
import static dev.drover.overlay.path.Wire.VNET_GSO_TCPV6;
import static dev.drover.overlay.path.Wire.VNET_GSO_UDP_L4;
import static dev.drover.overlay.path.Wire.VNET_NEEDS_CSUM;

import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.Sys;
import dev.drover.dataplane.Tap;

/** Writes one frame, gathered from pieces, to a TAP queue by one {@code writev}. Owned by one lane. */
final class TapWriter {
    private static final int VNET_BYTES = 16;

    private final int fd;
    private final int lane;
    private final CounterSet<Drop> drops;
    private final long vnet;
    private final long iovecs;
    private int count = 1;

    TapWriter(int fd, int lane, CounterSet<Drop> drops, Slab slab) {
        this.fd = fd;
        this.lane = lane;
        this.drops = drops;
        vnet = slab.allocate(VNET_BYTES);
        iovecs = slab.allocate((MAX_SEGMENTS + 1L) * IOVEC_BYTES);
        Memory.putLong(iovecs, vnet);
        Memory.putLong(iovecs + 8, Tap.VNET_HEADER_BYTES);
    }

    /** Adds a piece, at most {@value Wire#MAX_SEGMENTS} a frame. */
    void piece(long address, int length) {
        long iovec = iovecs + count++ * (long) IOVEC_BYTES;
        Memory.putLong(iovec, address);
        Memory.putLong(iovec + 8, length);
    }

    /** Writes the pieces as they are: the checksum is the container's to verify. */
    void write() {
        Memory.putLong(vnet, 0);
        Memory.putInt(vnet + 8, 0);
        flush();
    }

    /** Writes the pieces as one packet whose checksum field holds the pseudo-header sum. */
    void writePartial(Inner inner) {
        header(inner, VNET_GSO_NONE, 0);
        flush();
    }

    /** Writes the pieces as a super-frame of segments with {@code segmentSize} bytes of payload. */
    void writeSuperFrame(Inner inner, int segmentSize) {
        int type = inner.tcp ? inner.v4 ? VNET_GSO_TCPV4 : VNET_GSO_TCPV6 : VNET_GSO_UDP_L4;
        header(inner, type, segmentSize);
        flush();
    }

    private void header(Inner inner, int gsoType, int gsoSize) {
        long low = VNET_NEEDS_CSUM | gsoType << 8 | (long) inner.headers << 16;
        Memory.putLong(vnet, low | (long) gsoSize << 32 | (long) inner.l4 << 48);
        Memory.putInt(vnet + 8, inner.checksumOffset());
    }

    private void flush() {
        if (Sys.writev(fd, iovecs, count) < 0) {
            drops.increment(lane, Drop.TAP_WRITE_FAILED);
        }
        count = 1;
    }
}
