package dev.drover.overlay;

import dev.drover.dataplane.Mac;
import dev.drover.overlay.path.Drop;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What this host would do now with a packet for an overlay address, and why.
 *
 * @param from sender that was assumed
 * @param mac of the address, null when it is not known here
 * @param vteps peers that would get the packet
 * @param drop why it would not arrive, as far as this host can tell
 * @param steps the decisions in their order
 */
public record Trace(
        Inet4Address address,
        Inet4Address from,
        @Nullable Mac mac,
        Verdict verdict,
        List<InetAddress> vteps,
        @Nullable Drop drop,
        List<Step> steps) {

    public Trace {
        vteps = List.copyOf(vteps);
        steps = List.copyOf(steps);
    }

    /** What becomes of the packet. */
    public enum Verdict {
        /** The bridge hands it to a container of this host, or to the host. */
        LOCAL,
        /** Sent to the peer that has the address. */
        SENT,
        /** Sent to every peer whose addresses are not known. */
        FLOODED,
        /** Outside the overlay: the host routes it. */
        ROUTED,
        DROPPED
    }

    /**
     * One decision.
     *
     * @param what was looked at, one word
     * @param finding a sentence without a full stop
     */
    public record Step(String what, String finding) {}
}
