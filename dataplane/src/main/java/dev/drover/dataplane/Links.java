package dev.drover.dataplane;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Network interfaces of one namespace. Every method is one request (or one dump) and waits for the kernel's answer.
 * Thread-safe. A refusal is a {@link SysException} with the kernel's words.
 */
public final class Links {
    /**
     * Most MACs that a bridge of ours learns: without it a peer or a container with ever new ones fills the kernel's memory.
     * What comes behind them is flooded.
     */
    public static final int MAX_LEARNED_MACS = 16_384;

    private static final int NAME_BYTES_MAX = 15;

    private final NetlinkSocket socket;

    Links(NetlinkSocket socket) {
        this.socket = socket;
    }

    public List<Link> list() {
        NlMessage message = new NlMessage(Nl.RTM_GETLINK, 0)
                .ifInfo(Nl.AF_UNSPEC, 0, 0, 0)
                .attributeU32(Nl.IFLA_EXT_MASK, Nl.RTEXT_FILTER_SKIP_STATS);
        return socket.dump("list links", message).stream().map(Link::parse).toList();
    }

    public Optional<Link> find(String name) {
        return query("get link " + name, 0, m -> m.attributeString(Nl.IFLA_IFNAME, checkName(name)));
    }

    public Optional<Link> find(int index) {
        return query("get link " + index, index, m -> {});
    }

    /** @throws SysException with ENODEV when there is none of that name */
    public Link get(String name) {
        return find(name).orElseThrow(() -> new SysException("get link " + name, Sys.ENODEV));
    }

    /**
     * Makes a bridge that forwards at once and everything: no spanning tree, no forward delay, no multicast snooping. It
     * learns {@value #MAX_LEARNED_MACS} MACs at most, from Linux 6.7 on.
     * VLAN filtering is off by default, and kernels built without it refuse the attribute. It is made down. Its MAC is
     * fixed, else it would change with the ports.
     */
    public Link createBridge(String name, Mac mac, int mtu) {
        NlMessage message = create(name)
                .attribute(Nl.IFLA_ADDRESS, mac.bytes())
                .attributeU32(Nl.IFLA_MTU, mtu)
                .nest(
                        Nl.IFLA_LINKINFO,
                        info -> info.attributeString(Nl.IFLA_INFO_KIND, "bridge")
                                .nest(
                                        Nl.IFLA_INFO_DATA,
                                        data -> data.attributeU32(Nl.IFLA_BR_FORWARD_DELAY, 0)
                                                .attributeU32(Nl.IFLA_BR_STP_STATE, 0)
                                                .attributeU8(Nl.IFLA_BR_MCAST_SNOOPING, 0)
                                                .attributeU32(Nl.IFLA_BR_FDB_MAX_LEARNED, MAX_LEARNED_MACS)));
        socket.request("create bridge " + name, message);
        return get(name);
    }

    /**
     * The bridge of that name, made when absent, with that MTU and up. A bridge that exists keeps its MAC and options.
     *
     * @throws IllegalStateException the name belongs to a device that is no bridge
     */
    public Link ensureBridge(String name, int mtu) {
        Link link = find(name).orElseGet(() -> createBridge(name, Mac.random(), mtu));
        if (!link.isKind("bridge")) {
            throw new IllegalStateException("interface " + name + ": " + link.kind() + " (expected: a bridge)");
        }
        if (link.mtu() != mtu) {
            setMtu(link.index(), mtu);
        }
        if (!link.up()) {
            setUp(link.index());
        }
        return get(name);
    }

    /** Makes a veth pair across two namespaces. */
    public Link createVeth(VethSpec spec) {
        NlMessage message = create(spec.name())
                .attribute(Nl.IFLA_ADDRESS, spec.mac().bytes())
                .attributeU32(Nl.IFLA_MTU, spec.mtu())
                .nest(
                        Nl.IFLA_LINKINFO,
                        info -> info.attributeString(Nl.IFLA_INFO_KIND, "veth")
                                .nest(
                                        Nl.IFLA_INFO_DATA,
                                        data -> data.nest(Nl.VETH_INFO_PEER, peer -> peer(peer, spec))));
        socket.request("create veth " + spec.name(), message);
        return get(spec.name());
    }

    /** Deletes an interface, with it the other end of a veth; false when it is already gone. */
    public boolean delete(int index) {
        return tolerate(
                Sys.ENODEV,
                () -> socket.request(
                        "delete link " + index, new NlMessage(Nl.RTM_DELLINK, 0).ifInfo(Nl.AF_UNSPEC, index, 0, 0)));
    }

    /** Deletes an interface by name; false when there is none. */
    public boolean delete(String name) {
        return find(name).map(link -> delete(link.index())).orElse(false);
    }

    public void setUp(int index) {
        change("set up link " + index, index, Link.IFF_UP, Link.IFF_UP, m -> {});
    }

    public void setDown(int index) {
        change("set down link " + index, index, 0, Link.IFF_UP, m -> {});
    }

    /** Makes an interface a port of a bridge; master 0 takes it out. */
    public void setMaster(int index, int master) {
        change("set master of link " + index, index, 0, 0, m -> m.attributeU32(Nl.IFLA_MASTER, master));
    }

    /** Makes an interface a port of a bridge, without IPv6 addresses of its own, and sets it up: one request. */
    public void setPort(int index, int master) {
        change(
                "set port of bridge " + master + ", link " + index,
                index,
                Link.IFF_UP,
                Link.IFF_UP,
                m -> m.attributeU32(Nl.IFLA_MASTER, master)
                        .nest(
                                Nl.IFLA_AF_SPEC,
                                spec -> spec.nest(
                                        Nl.AF_INET6,
                                        v6 -> v6.attributeU8(Nl.IFLA_INET6_ADDR_GEN_MODE, Nl.IN6_ADDR_GEN_MODE_NONE))));
    }

    /** Sets an interface up that gets no IPv6 address of its own and therefore never speaks. */
    public void setUpWithoutIpv6(int index) {
        setPort(index, 0);
    }

    public void setMtu(int index, int mtu) {
        change("set mtu " + mtu + " of link " + index, index, 0, 0, m -> m.attributeU32(Nl.IFLA_MTU, mtu));
    }

    public void setMac(int index, Mac mac) {
        change("set mac " + mac + " of link " + index, index, 0, 0, m -> m.attribute(Nl.IFLA_ADDRESS, mac.bytes()));
    }

    /** Sets a free text that stays with the interface and that {@code ip link} shows. */
    public void setAlias(int index, String alias) {
        change(
                "set alias of link " + index,
                index,
                0,
                0,
                m -> m.attribute(Nl.IFLA_IFALIAS, alias.getBytes(StandardCharsets.UTF_8)));
    }

    /** Limits the super-frames that the stack builds for an interface. */
    public void setGsoMax(int index, int sizeBytes, int segments) {
        change(
                "set gso limits of link " + index,
                index,
                0,
                0,
                m -> m.attributeU32(Nl.IFLA_GSO_MAX_SIZE, sizeBytes).attributeU32(Nl.IFLA_GSO_MAX_SEGS, segments));
    }

    /** Renames an interface; before Linux 6.4 it has to be down. */
    public void rename(int index, String name) {
        change(
                "rename link " + index + " to " + name,
                index,
                0,
                0,
                m -> m.attributeString(Nl.IFLA_IFNAME, checkName(name)));
    }

    /** Moves an interface to another namespace, where it arrives down and without addresses. */
    public void move(int index, NetNs target) {
        change(
                "move link " + index + " to " + target,
                index,
                0,
                0,
                m -> m.attributeU32(Nl.IFLA_NET_NS_FD, target.fd()));
    }

    private static void peer(NlMessage message, VethSpec spec) {
        message.ifInfo(Nl.AF_UNSPEC, 0, 0, 0)
                .attributeString(Nl.IFLA_IFNAME, checkName(spec.peerName()))
                .attribute(Nl.IFLA_ADDRESS, spec.peerMac().bytes())
                .attributeU32(Nl.IFLA_MTU, spec.mtu())
                .attributeU32(Nl.IFLA_GSO_MAX_SIZE, spec.gsoMaxSizeBytes())
                .attributeU32(Nl.IFLA_GSO_MAX_SEGS, spec.gsoMaxSegments())
                .attributeU32(Nl.IFLA_NET_NS_FD, spec.peerNs().fd());
    }

    private static NlMessage create(String name) {
        return new NlMessage(Nl.RTM_NEWLINK, Nl.F_CREATE | Nl.F_EXCL)
                .ifInfo(Nl.AF_UNSPEC, 0, 0, 0)
                .attributeString(Nl.IFLA_IFNAME, checkName(name));
    }

    private void change(String what, int index, int flags, int change, Consumer<NlMessage> attributes) {
        NlMessage message = new NlMessage(Nl.RTM_NEWLINK, 0).ifInfo(Nl.AF_UNSPEC, index, flags, change);
        attributes.accept(message);
        socket.request(what, message);
    }

    private Optional<Link> query(String what, int index, Consumer<NlMessage> attributes) {
        NlMessage message = new NlMessage(Nl.RTM_GETLINK, 0).ifInfo(Nl.AF_UNSPEC, index, 0, 0);
        attributes.accept(message);
        message.attributeU32(Nl.IFLA_EXT_MASK, Nl.RTEXT_FILTER_SKIP_STATS);
        try {
            List<ByteBuffer> messages = socket.request(what, message);
            return messages.stream().findFirst().map(Link::parse);
        } catch (SysException e) {
            if (e.errno() == Sys.ENODEV) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** False when the kernel says that the thing is already so. */
    static boolean tolerate(int errno, Runnable request) {
        try {
            request.run();
            return true;
        } catch (SysException e) {
            if (e.errno() == errno) {
                return false;
            }
            throw e;
        }
    }

    private static String checkName(String name) {
        int bytes = name.getBytes(StandardCharsets.UTF_8).length;
        if (bytes == 0 || bytes > NAME_BYTES_MAX) {
            throw new IllegalArgumentException("interface name: " + name + " (expected: 1 to 15 bytes)");
        }
        return name;
    }
}
