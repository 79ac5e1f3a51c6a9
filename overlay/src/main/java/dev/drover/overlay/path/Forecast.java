package dev.drover.overlay.path;

import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an {@link Encapsulator} would do with a frame from the bridge that has no offload fields, told without doing it:
 * for people who ask, by the code that decides for the lanes. Any thread; allocates.
 *
 * @param outcome what becomes of it
 * @param drop the reason when it is dropped
 * @param peers who gets it
 * @param mac what an ARP request or a neighbour solicitation is answered with, -1 for any other outcome
 */
public record Forecast(Outcome outcome, @Nullable Drop drop, List<PeerPath> peers, long mac) {

    /** What becomes of a frame. */
    public enum Outcome {
        DROPPED,
        /** Sent to one peer. */
        SENT,
        /** An ARP request, sent to the peer that owns the address and to no other. */
        ASKED,
        /** An ARP request or a neighbour solicitation, answered here. */
        ANSWERED,
        /** Copied to every peer without known addresses. */
        FLOODED,
        /** Copied to every peer. */
        ANNOUNCED
    }

    public Forecast {
        peers = List.copyOf(peers);
    }

    /**
     * Decides about one frame.
     *
     * @param mtu of the overlay
     */
    public static Forecast of(Forwarding table, int mtu, byte[] frame) {
        try (Slab slab = new Slab()) {
            long copy = slab.allocate(Math.max(frame.length, 1));
            Memory.copyIn(frame, copy);
            Decision decision = new Decision(table);
            boolean fits = Encapsulator.fits(copy, frame.length, mtu);
            return switch (decision.on(copy, frame.length)) {
                case DROP -> new Forecast(Outcome.DROPPED, decision.drop, List.of(), Forwarding.NO_MAC);
                case PEER -> sent(Outcome.SENT, fits(copy, frame, mtu, decision.peer()), decision.peer());
                case ASK_OWNER -> sent(Outcome.ASKED, fits(copy, frame, mtu, decision.peer()), decision.peer());
                case ANSWER, ADVERTISE -> new Forecast(Outcome.ANSWERED, null, List.of(), decision.mac);
                case FLOOD -> sent(Outcome.FLOODED, fits, table.flooded());
                case ANNOUNCE -> sent(Outcome.ANNOUNCED, fits, table.peers());
            };
        }
    }

    private static boolean fits(long copy, byte[] frame, int mtu, PeerPath peer) {
        return Encapsulator.fits(copy, frame.length, Math.min(mtu, peer.mtu()));
    }

    private static Forecast sent(Outcome outcome, boolean fits, PeerPath... peers) {
        return fits
                ? new Forecast(outcome, null, List.of(peers), Forwarding.NO_MAC)
                : new Forecast(Outcome.DROPPED, Drop.OVERSIZE, List.of(), Forwarding.NO_MAC);
    }
}
