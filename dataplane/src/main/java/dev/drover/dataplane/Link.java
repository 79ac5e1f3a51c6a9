package dev.drover.dataplane;

import java.nio.ByteBuffer;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A network interface as rtnetlink tells it.
 *
 * @param index positive, unique in its namespace
 * @param mtu bytes
 * @param mac null for devices without an Ethernet address
 * @param flags IFF_* of linux/if.h
 * @param master index of the bridge it belongs to, 0 for none
 * @param kind {@code veth}, {@code bridge}, {@code tun}, {@code dummy} …; null for physical ones
 * @param peerIndex of a veth: index of its other end in the other end's namespace; 0 for none
 * @param alias free text that stays with the interface (ifalias); empty for none
 * @param gsoMaxSizeBytes largest super-frame its stack builds
 * @param gsoMaxSegments most segments of a super-frame
 */
public record Link(
        int index,
        String name,
        int mtu,
        @Nullable Mac mac,
        int flags,
        int master,
        @Nullable String kind,
        int peerIndex,
        String alias,
        int gsoMaxSizeBytes,
        int gsoMaxSegments) {
    static final int IFF_UP = 1;
    private static final int IFF_RUNNING = 0x40;

    public boolean up() {
        return (flags & IFF_UP) != 0;
    }

    /** Up with a carrier. */
    public boolean running() {
        return (flags & IFF_RUNNING) != 0;
    }

    public boolean isKind(String expected) {
        return expected.equals(kind);
    }

    static Link parse(ByteBuffer message) {
        NlAttributes attributes = NlAttributes.parse(message, Nl.HEADER_BYTES + Nl.IFINFOMSG_BYTES);
        return new Link(
                message.getInt(Nl.HEADER_BYTES + 4),
                Objects.requireNonNullElse(attributes.string(Nl.IFLA_IFNAME), ""),
                attributes.u32(Nl.IFLA_MTU, 0),
                attributes.mac(Nl.IFLA_ADDRESS),
                message.getInt(Nl.HEADER_BYTES + 8),
                attributes.u32(Nl.IFLA_MASTER, 0),
                attributes.nested(Nl.IFLA_LINKINFO).string(Nl.IFLA_INFO_KIND),
                attributes.u32(Nl.IFLA_LINK, 0),
                Objects.requireNonNullElse(attributes.string(Nl.IFLA_IFALIAS), ""),
                attributes.u32(Nl.IFLA_GSO_MAX_SIZE, 0),
                attributes.u32(Nl.IFLA_GSO_MAX_SEGS, 0));
    }
}
