package dev.drover.dataplane;

import java.net.InetAddress;
import java.util.List;

/**
 * ARP and ND tables and bridge forwarding databases (FDB) of one namespace. Every method is one request (or one dump)
 * and waits for the kernel's answer. Thread-safe. A refusal is a {@link SysException} with the kernel's words.
 */
public final class Neighbours {
    private static final int NTF_SELF = 0x02;
    private static final int NTF_MASTER = 0x04;

    private final NetlinkSocket socket;

    Neighbours(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** ARP and ND entries of one interface. */
    public List<Neigh> list(int linkIndex) {
        return dump("list neighbours", Nl.AF_UNSPEC).stream()
                .filter(neigh -> neigh.linkIndex() == linkIndex)
                .toList();
    }

    /** Forwarding entries of one bridge, those of its ports included. */
    public List<Neigh> fdb(int bridgeIndex) {
        return dump("list forwarding entries", Nl.AF_BRIDGE).stream()
                .filter(neigh -> neigh.master() == bridgeIndex || neigh.linkIndex() == bridgeIndex)
                .toList();
    }

    /** Adds an entry in the place of an older one for the address. {@code state} is a NUD of {@link Neigh}. */
    public void replace(int linkIndex, InetAddress address, Mac mac, int state) {
        socket.request(
                "replace neighbour " + address.getHostAddress(),
                message(Nl.RTM_NEWNEIGH, Nl.F_CREATE | Nl.F_REPLACE, Route.family(address), linkIndex, state, 0)
                        .attribute(Nl.NDA_DST, address.getAddress())
                        .attribute(Nl.NDA_LLADDR, mac.bytes()));
    }

    /** Deletes an entry; false when there is none. */
    public boolean delete(int linkIndex, InetAddress address) {
        return Links.tolerate(
                Nl.ENOENT,
                () -> socket.request(
                        "delete neighbour " + address.getHostAddress(),
                        message(Nl.RTM_DELNEIGH, 0, Route.family(address), linkIndex, 0, 0)
                                .attribute(Nl.NDA_DST, address.getAddress())));
    }

    /** Adds a static forwarding entry of a bridge: frames for {@code mac} leave by the port. */
    public void replaceFdb(int portIndex, Mac mac) {
        socket.request(
                "replace forwarding entry " + mac,
                message(Nl.RTM_NEWNEIGH, Nl.F_CREATE | Nl.F_REPLACE, Nl.AF_BRIDGE, portIndex, Neigh.NO_ARP, NTF_MASTER)
                        .attribute(Nl.NDA_LLADDR, mac.bytes()));
    }

    /** Deletes a forwarding entry of a bridge, learned or static; false when there is none. */
    public boolean deleteFdb(int portIndex, Mac mac) {
        return Links.tolerate(
                Nl.ENOENT,
                () -> socket.request(
                        "delete forwarding entry " + mac,
                        message(Nl.RTM_DELNEIGH, 0, Nl.AF_BRIDGE, portIndex, 0, NTF_MASTER)
                                .attribute(Nl.NDA_LLADDR, mac.bytes())));
    }

    /**
     * Adds a forwarding entry of a kernel VXLAN device: frames for {@code mac} go to {@code vtep}. MAC zero adds a
     * destination for floods.
     */
    public void addVxlanFdb(int vxlanIndex, Mac mac, InetAddress vtep) {
        int how = mac.value() == 0 ? Nl.F_APPEND : Nl.F_REPLACE;
        socket.request(
                "add forwarding entry " + mac + " to " + vtep.getHostAddress(),
                message(
                                Nl.RTM_NEWNEIGH,
                                Nl.F_CREATE | how,
                                Nl.AF_BRIDGE,
                                vxlanIndex,
                                Neigh.NO_ARP | Neigh.PERMANENT,
                                NTF_SELF)
                        .attribute(Nl.NDA_LLADDR, mac.bytes())
                        .attribute(Nl.NDA_DST, vtep.getAddress()));
    }

    private List<Neigh> dump(String what, int family) {
        return socket.dump(what, message(Nl.RTM_GETNEIGH, 0, family, 0, 0, 0)).stream()
                .map(Neigh::parse)
                .toList();
    }

    /** {@code struct ndmsg}. */
    private static NlMessage message(int type, int nlFlags, int family, int linkIndex, int state, int flags) {
        return new NlMessage(type, nlFlags)
                .u8(family)
                .u8(0)
                .u16(0)
                .u32(linkIndex)
                .u16(state)
                .u8(flags)
                .u8(0);
    }
}
