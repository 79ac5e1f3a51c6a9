package dev.drover.overlay.path;

import static dev.drover.overlay.path.Wire.ETHERNET_BYTES;
import static dev.drover.overlay.path.Wire.ETHERNET_TYPE;
import static dev.drover.overlay.path.Wire.IPV4_BYTES;
import static dev.drover.overlay.path.Wire.IPV4_DESTINATION;
import static dev.drover.overlay.path.Wire.IPV4_SOURCE;
import static dev.drover.overlay.path.Wire.IPV6_ADDRESSES;
import static dev.drover.overlay.path.Wire.IPV6_BYTES;
import static dev.drover.overlay.path.Wire.TCP_BYTES;
import static dev.drover.overlay.path.Wire.TCP_DATA_OFFSET;
import static dev.drover.overlay.path.Wire.TYPE_IPV4;
import static dev.drover.overlay.path.Wire.TYPE_IPV6;
import static dev.drover.overlay.path.Wire.UDP_BYTES;
import static dev.drover.overlay.path.Wire.VNET_CSUM_START;
import static dev.drover.overlay.path.Wire.VNET_GSO_NONE;
import static dev.drover.overlay.path.Wire.VNET_GSO_SIZE;
import static dev.drover.overlay.path.Wire.VNET_GSO_TYPE;
import static dev.drover.overlay.path.Wire.VNET_GSO_UDP_L4;

import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Snapshot;
import org.jspecify.annotations.Nullable;

/**
 * What one lane sees beside its work: samples of flows, and copies of frames while somebody captures. Owned by the lane's
 * thread, for both directions. Asked for a frame it costs a countdown; asked for a batch, one read of the {@link Watch}.
 *
 * <p>Of {@code n} frames one is sampled, at random distances of 1 to 2n-1 with the mean n (RFC 3176 section 4.2.1), so
 * that no regular traffic is missed, or hit, each time.
 */
public final class Observer {
    private static final long V4_MAPPED = 0xffff_0000_0000L;
    private static final long GOLDEN = 0x9e3779b97f4a7c15L;

    private final int lane;
    private final Snapshot<Watch> watch;
    private final FlowRing flows = new FlowRing();
    private @Nullable CaptureRing capture;
    private int sampling;
    private int untilSample = Integer.MAX_VALUE;
    private long random;

    /** What is under way between {@link #outgoing} and {@link #outcome}. */
    private int sample = -1;

    private boolean captured;
    private int segmentSize;

    public Observer(int lane, Snapshot<Watch> watch) {
        this.lane = lane;
        this.watch = watch;
        random = GOLDEN * (lane + 1);
    }

    /** Samples of this lane, for the control thread. */
    public FlowRing flows() {
        return flows;
    }

    /** To be called once a batch. */
    void onBatch() {
        Watch now = watch.read();
        capture = now.captures().isEmpty() ? null : now.captures().get(lane);
        if (now.flowSampling() != sampling) {
            sampling = now.flowSampling();
            untilSample = distance();
        }
    }

    /** xorshift64 by G. Marsaglia. */
    private int distance() {
        if (sampling == 0) {
            return Integer.MAX_VALUE;
        }
        random ^= random << 13;
        random ^= random >>> 7;
        random ^= random << 17;
        return 1 + (int) ((random >>> 1) % (2L * sampling - 1));
    }

    /**
     * A frame came from the bridge, and is as it came.
     *
     * @param vnet its offloads
     * @return whether {@link #outcome} has to be told
     */
    boolean outgoing(long vnet, long frame, int length) {
        if (--untilSample > 0 && capture == null) {
            return false;
        }
        if (length < ETHERNET_BYTES) {
            untilSample = Math.max(untilSample, 1);
            return false;
        }
        int gsoType = Memory.getByte(vnet + VNET_GSO_TYPE);
        segmentSize = gsoType == VNET_GSO_NONE ? 0 : Memory.getShort(vnet + VNET_GSO_SIZE);
        sample = -1;
        if (untilSample <= 0) {
            untilSample = distance();
            sample = sampling == 0 ? -1 : sample(frame, length);
            if (sample >= 0) {
                size(sample, length, segmentSize == 0 ? 0 : headers(vnet, frame, length, gsoType));
            }
        }
        CaptureRing ring = capture;
        captured = ring != null && ring.begin(frame, length);
        return sample >= 0 || captured;
    }

    private static int headers(long vnet, long frame, int length, int gsoType) {
        int start = Memory.getShort(vnet + VNET_CSUM_START);
        if (start + TCP_BYTES > length) {
            return 0;
        }
        return gsoType == VNET_GSO_UDP_L4
                ? start + UDP_BYTES
                : start + (Memory.getByte(frame + start + TCP_DATA_OFFSET) >>> 4 << 2);
    }

    private void size(int slot, int length, int headers) {
        int payload = length - headers;
        int packets = segmentSize == 0 || payload <= 0 ? 1 : (payload + segmentSize - 1) / segmentSize;
        flows.size(slot, packets, length + (packets - 1) * headers);
    }

    /** What became of the frame that {@link #outgoing} was told. */
    void outcome(@Nullable PeerPath peer, @Nullable Drop drop) {
        if (sample >= 0) {
            flows.commit(sample, sampling, true, peer, drop);
        }
        CaptureRing ring = capture;
        if (captured && ring != null) {
            ring.commit(true, segmentSize, peer, drop);
        }
    }

    /**
     * A frame came from a peer, and is as it came.
     *
     * @param segment payload of each packet in it when it is a super-frame, else 0
     * @param headers bytes before that payload; of no meaning without it
     * @param drop null when it is passed on
     */
    void incoming(PeerPath peer, long frame, int length, int segment, int headers, @Nullable Drop drop) {
        if (--untilSample > 0 && capture == null) {
            return;
        }
        if (length < ETHERNET_BYTES) {
            untilSample = Math.max(untilSample, 1);
            return;
        }
        if (untilSample <= 0) {
            untilSample = distance();
            int slot = sampling == 0 ? -1 : sample(frame, length);
            if (slot >= 0) {
                segmentSize = segment;
                size(slot, length, headers);
                flows.commit(slot, sampling, false, peer, drop);
            }
        }
        CaptureRing ring = capture;
        if (ring != null && ring.begin(frame, length)) {
            ring.commit(false, segment, peer, drop);
        }
    }

    /** A slot with the addresses of the frame; -1 when it has none, or the ring no room. */
    private int sample(long frame, int length) {
        int type = Memory.getShortBe(frame + ETHERNET_TYPE);
        long ip = frame + ETHERNET_BYTES;
        boolean v4 = type == TYPE_IPV4 && length >= ETHERNET_BYTES + IPV4_BYTES;
        if (!v4 && (type != TYPE_IPV6 || length < ETHERNET_BYTES + IPV6_BYTES)) {
            return -1;
        }
        int slot = flows.claim();
        if (slot < 0) {
            return -1;
        }
        if (v4) {
            long source = Memory.getIntBe(ip + IPV4_SOURCE) & 0xffff_ffffL;
            long destination = Memory.getIntBe(ip + IPV4_DESTINATION) & 0xffff_ffffL;
            flows.pair(slot, 0, V4_MAPPED | source, 0, V4_MAPPED | destination);
        } else {
            long source = ip + IPV6_ADDRESSES;
            long destination = source + 2 * Long.BYTES;
            flows.pair(
                    slot,
                    Memory.getLongBe(source),
                    Memory.getLongBe(source + Long.BYTES),
                    Memory.getLongBe(destination),
                    Memory.getLongBe(destination + Long.BYTES));
        }
        return slot;
    }
}
