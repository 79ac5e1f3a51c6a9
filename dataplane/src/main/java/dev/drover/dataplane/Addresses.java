package dev.drover.dataplane;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.List;
import java.util.Objects;

/**
 * IPv4 and IPv6 addresses of one namespace. Every method is one request (or one dump) and waits for the kernel's
 * answer. Thread-safe. A refusal is a {@link SysException} with the kernel's words.
 */
public final class Addresses {
    private final NetlinkSocket socket;

    Addresses(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** All addresses of the namespace. */
    public List<LinkAddress> list() {
        NlMessage message = new NlMessage(Nl.RTM_GETADDR, 0)
                .u8(Nl.AF_UNSPEC)
                .u8(0)
                .u8(0)
                .u8(0)
                .u32(0);
        return socket.dump("list addresses", message).stream()
                .map(LinkAddress::parse)
                .filter(Objects::nonNull)
                .toList();
    }

    /** Addresses of one interface. */
    public List<LinkAddress> list(int linkIndex) {
        return list().stream().filter(a -> a.linkIndex() == linkIndex).toList();
    }

    /**
     * Adds an address; false when the interface has it with that prefix length. IPv6 ones are usable at once: duplicate
     * address detection is off, since the control plane gives each address to one owner.
     */
    public boolean ensure(int linkIndex, InetAddress address, int prefixLength) {
        NlMessage message = message(Nl.RTM_NEWADDR, Nl.F_CREATE | Nl.F_EXCL, linkIndex, address, prefixLength);
        if (address instanceof Inet4Address v4) {
            if (prefixLength < 31) {
                int broadcast = Cidr.toInt(v4) | ~Cidr.mask(prefixLength);
                message.attribute(Nl.IFA_BROADCAST, Cidr.toInet(broadcast).getAddress());
            }
        } else {
            message.attributeU32(Nl.IFA_FLAGS, Nl.IFA_F_NODAD);
        }
        return Links.tolerate(Sys.EEXIST, () -> socket.request(describe("add", linkIndex, address), message));
    }

    /** Deletes an address; false when the interface does not have it. */
    public boolean delete(int linkIndex, InetAddress address, int prefixLength) {
        NlMessage message = message(Nl.RTM_DELADDR, 0, linkIndex, address, prefixLength);
        return Links.tolerate(Sys.EADDRNOTAVAIL, () -> socket.request(describe("delete", linkIndex, address), message));
    }

    private static NlMessage message(int type, int flags, int linkIndex, InetAddress address, int prefixLength) {
        byte[] bytes = address.getAddress();
        int scope = address.isLinkLocalAddress() && bytes.length == 16 ? Route.SCOPE_LINK : Route.SCOPE_UNIVERSE;
        return new NlMessage(type, flags)
                .u8(Route.family(address))
                .u8(prefixLength)
                .u8(0)
                .u8(scope)
                .u32(linkIndex)
                .attribute(Nl.IFA_LOCAL, bytes)
                .attribute(Nl.IFA_ADDRESS, bytes);
    }

    private static String describe(String verb, int linkIndex, InetAddress address) {
        return verb + " address " + address.getHostAddress() + " of link " + linkIndex;
    }
}
