package dev.drover.overlay;

import dev.drover.overlay.path.Drop;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * What one address of the overlay sent another through this host's tunnel endpoint, estimated from samples.
 *
 * @param direction {@code OUT} from this host's containers, {@code IN} to them
 * @param vtep tunnel endpoint at the other end; null when there is none or several
 * @param packets passed on, since the flow was first seen
 * @param bytes of those packets with Ethernet headers
 * @param droppedPackets that went no further
 * @param drop why the last of these was dropped; null when none was
 * @param samples that all this is estimated from: the fewer, the less it says
 * @param firstMs milliseconds since the first sample
 * @param lastMs milliseconds since the last
 */
public record Flow(
        InetAddress source,
        InetAddress destination,
        Direction direction,
        @Nullable InetAddress vtep,
        long packets,
        long bytes,
        long droppedPackets,
        @Nullable Drop drop,
        long samples,
        long firstMs,
        long lastMs) {
    /** As this host sees it. */
    public enum Direction {
        OUT,
        IN
    }
}
