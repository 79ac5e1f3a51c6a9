package dev.drover.overlay.path;

import static dev.drover.overlay.path.Wire.ARP_FRAME_BYTES;
import static dev.drover.overlay.path.Wire.ARP_HARDWARE_PROTOCOL_LENGTHS;
import static dev.drover.overlay.path.Wire.ARP_OPERATION;
import static dev.drover.overlay.path.Wire.ARP_REQUEST;
import static dev.drover.overlay.path.Wire.ARP_SENDER_IP;
import static dev.drover.overlay.path.Wire.ARP_TARGET_IP;
import static dev.drover.overlay.path.Wire.ETHERNET_BYTES;
import static dev.drover.overlay.path.Wire.ETHERNET_SOURCE;
import static dev.drover.overlay.path.Wire.ETHERNET_TYPE;
import static dev.drover.overlay.path.Wire.IPV4_BYTES;
import static dev.drover.overlay.path.Wire.IPV4_DESTINATION;
import static dev.drover.overlay.path.Wire.IPV4_SOURCE;
import static dev.drover.overlay.path.Wire.IPV6_ADDRESSES;
import static dev.drover.overlay.path.Wire.IPV6_BYTES;
import static dev.drover.overlay.path.Wire.LINK_LOCAL_GROUP;
import static dev.drover.overlay.path.Wire.LINK_LOCAL_GROUP_MASK;
import static dev.drover.overlay.path.Wire.MAC_GROUP_BIT;
import static dev.drover.overlay.path.Wire.TYPE_ARP;
import static dev.drover.overlay.path.Wire.TYPE_IPV4;
import static dev.drover.overlay.path.Wire.TYPE_IPV6;

import dev.drover.dataplane.Memory;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Who gets a frame from the bridge: the one place where that is decided, for the lanes that act on it and for the
 * {@link Forecast} that only tells. Holds the last decision; owned by one thread.
 */
final class Decision {
    /** What is to be done with a frame. */
    enum Way {
        /** Nothing, it is counted as {@link Decision#drop}. */
        DROP,
        /** To {@link Decision#peer()}. */
        PEER,
        /** An ARP request, to {@link Decision#peer()}, which owns the address. */
        ASK_OWNER,
        /** An ARP request, answered here with {@link Decision#mac} for {@link Decision#address}. */
        ANSWER,
        /** A neighbour solicitation, answered here with {@link Decision#mac}. */
        ADVERTISE,
        /** To every peer without known addresses. */
        FLOOD,
        /** To every peer, unless that was too often already. */
        ANNOUNCE
    }

    @Nullable
    Drop drop;

    long mac;
    int address;
    private @Nullable PeerPath peer;
    private Forwarding table;

    Decision(Forwarding table) {
        this.table = table;
    }

    /** Decide by this picture from now on. */
    void by(Forwarding picture) {
        table = picture;
    }

    /** Decides; what the way needs is in the fields. */
    Way on(long frame, int length) {
        peer = null;
        if (length < ETHERNET_BYTES) {
            return drop(Drop.RUNT);
        }
        long destination = Memory.getMac(frame);
        if ((Memory.getMac(frame + ETHERNET_SOURCE) & MAC_GROUP_BIT) != 0) {
            return drop(Drop.GROUP_SOURCE);
        }
        if ((destination & LINK_LOCAL_GROUP_MASK) == LINK_LOCAL_GROUP) {
            return drop(Drop.LINK_LOCAL_GROUP);
        }
        int type = Memory.getShortBe(frame + ETHERNET_TYPE);
        if (type == TYPE_IPV4 && length >= ETHERNET_BYTES + IPV4_BYTES) {
            return onIpv4(frame, destination);
        }
        if (type == TYPE_ARP && length >= ARP_FRAME_BYTES && isArp(frame)) {
            return onArp(frame, destination);
        }
        if (type == TYPE_IPV6 && length >= ETHERNET_BYTES + IPV6_BYTES) {
            return onIpv6(frame, length, destination);
        }
        return byMac(destination);
    }

    private Way byMac(long destination) {
        if ((destination & MAC_GROUP_BIT) != 0) {
            return flood(Drop.GROUP_DESTINATION);
        }
        PeerPath known = table.behind(destination);
        return known == null ? flood(Drop.UNKNOWN_DESTINATION) : to(known, Way.PEER);
    }

    private Way onIpv6(long frame, int length, long destination) {
        long source = frame + ETHERNET_BYTES + IPV6_ADDRESSES;
        if (table.neighbourV6(Memory.getLongBe(source), Memory.getLongBe(source + Long.BYTES)) != null) {
            return drop(Drop.SPOOFED_SOURCE);
        }
        if ((destination & MAC_GROUP_BIT) != 0 && NeighbourDiscovery.isSolicitation(frame, length)) {
            Forwarding.NeighbourV6 target =
                    table.neighbourV6(NeighbourDiscovery.targetHigh(frame), NeighbourDiscovery.targetLow(frame));
            if (target != null) {
                mac = target.mac();
                return Way.ADVERTISE;
            }
        }
        return byMac(destination);
    }

    /** The receiver, where the way has one. */
    PeerPath peer() {
        return Objects.requireNonNull(peer);
    }

    /** The receiver, null where the way has none or several. */
    @Nullable
    PeerPath receiver() {
        return peer;
    }

    private Way onIpv4(long frame, long destination) {
        if (ownedByPeer(Memory.getIntBe(frame + ETHERNET_BYTES + IPV4_SOURCE))) {
            return drop(Drop.SPOOFED_SOURCE);
        }
        if ((destination & MAC_GROUP_BIT) != 0) {
            return flood(Drop.GROUP_DESTINATION);
        }
        PeerPath known = table.behind(destination);
        if (known != null) {
            return to(known, Way.PEER);
        }
        int target = Memory.getIntBe(frame + ETHERNET_BYTES + IPV4_DESTINATION);
        return toOwner(target, Drop.UNKNOWN_DESTINATION, Way.PEER);
    }

    private Way onArp(long frame, long destination) {
        int sender = Memory.getIntBe(frame + ARP_SENDER_IP);
        if (ownedByPeer(sender)) {
            return drop(Drop.SPOOFED_SOURCE);
        }
        int target = Memory.getIntBe(frame + ARP_TARGET_IP);
        if ((destination & MAC_GROUP_BIT) == 0) {
            PeerPath known = table.behind(destination);
            return known == null ? toOwner(target, Drop.UNKNOWN_DESTINATION, Way.PEER) : to(known, Way.PEER);
        }
        if (target == sender) {
            return Way.ANNOUNCE;
        }
        if (Memory.getShortBe(frame + ARP_OPERATION) != ARP_REQUEST) {
            return toOwner(target, Drop.ARP_UNKNOWN, Way.PEER);
        }
        mac = table.neighbour(target);
        address = target;
        return mac != Forwarding.NO_MAC ? Way.ANSWER : toOwner(target, Drop.ARP_UNKNOWN, Way.ASK_OWNER);
    }

    static boolean isArp(long frame) {
        return Memory.getLongBe(frame + ETHERNET_BYTES) >>> 16 == ARP_HARDWARE_PROTOCOL_LENGTHS;
    }

    private boolean ownedByPeer(int source) {
        int subnet = table.subnet(source);
        return subnet >= 0 && table.owner(subnet) != null;
    }

    private Way toOwner(int target, Drop otherwise, Way way) {
        int subnet = table.subnet(target);
        if (subnet < 0) {
            return flood(otherwise);
        }
        PeerPath owner = table.owner(subnet);
        return owner == null ? drop(Drop.LOCAL_DESTINATION) : to(owner, way);
    }

    private Way flood(Drop otherwise) {
        return table.flooded().length == 0 ? drop(otherwise) : Way.FLOOD;
    }

    private Way drop(Drop reason) {
        drop = reason;
        return Way.DROP;
    }

    private Way to(PeerPath receiver, Way way) {
        peer = receiver;
        return way;
    }
}
