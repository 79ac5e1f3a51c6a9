package dev.drover.overlay.path;

import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;

/** What a lane does with sealed packets, for tests of the handshake. */
public final class SealedLane {
    private static final HandshakeRing NOBODY = new HandshakeRing(() -> {}, new Slab());

    private SealedLane() {}

    /** A packet for the peer, null without a session. */
    public static byte[] seal(PeerPath peer, byte[] plain) {
        Session session = peer.keyring().sending();
        if (session == null) {
            peer.want(NOBODY);
            return null;
        }
        try (Slab slab = new Slab()) {
            long datagram = slab.allocate(plain.length + 32);
            Memory.copyIn(plain, datagram + 16);
            int length = session.seal(0, 0, datagram, plain.length);
            return Memory.copyOut(datagram, length);
        }
    }

    /** A sealed packet came from the peer; null when it was accepted. */
    public static Drop receive(PeerPath peer, byte[] packet) {
        try (Slab slab = new Slab()) {
            long datagram = slab.allocate(packet.length);
            Memory.copyIn(packet, datagram);
            Session session = peer.keyring().find(Memory.getIntBe(datagram + 4));
            if (session == null) {
                peer.want(NOBODY);
                return Drop.NO_SESSION;
            }
            Drop drop = session.open(0, datagram, packet.length);
            if (drop == null) {
                session.onHeard();
            }
            return drop;
        }
    }
}
