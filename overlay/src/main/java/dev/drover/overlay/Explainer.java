package dev.drover.overlay;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Link;
import dev.drover.dataplane.Mac;
import dev.drover.dataplane.Neigh;
import dev.drover.dataplane.Route;
import dev.drover.dataplane.Rtnetlink;
import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Forecast;
import dev.drover.overlay.path.Forwarding;
import dev.drover.overlay.path.PeerPath;
import io.netty.util.NetUtil;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Tells what this host would do with a packet: asks the deciding code of the lanes ({@link Forecast}) about the frames
 * that a container would send, and the kernel about bridge and underlay. Runs on the overlay's control thread.
 */
final class Explainer {
    /** Stands for a MAC address that no table has. */
    private static final long UNKNOWN_MAC = 0x02_00_00_00_00_01L;

    private static final long SENDER_MAC = 0x02_00_00_00_00_02L;
    private static final long BROADCAST = 0xff_ff_ff_ff_ff_ffL;
    private static final int TYPE_IPV4 = 0x0800;
    private static final int TYPE_ARP = 0x0806;
    private static final int ARP_BODY_BYTES = 28;
    private static final int IPV4_BYTES = 20;
    private static final int MAX_PORTS_NAMED = 5;
    private static final int NUD_UNANSWERED = 0x01 | 0x20;

    private final OverlayConfig config;
    private final Forwarding table;
    private final Endpoint endpoint;
    private final Rtnetlink netlink;
    private final Inet4Address address;
    private final Inet4Address from;
    private final @Nullable FdbEntry attached;
    private final @Nullable Mac learned;
    private final List<Trace.Step> steps = new ArrayList<>();
    private final List<InetAddress> vteps = new ArrayList<>();
    private @Nullable Mac mac;
    private @Nullable Drop drop;

    /**
     * @param from assumed sender
     * @param attached what the caller knows of the address as one of this host's containers
     * @param learned MAC that was learned with the address
     */
    Explainer(
            OverlayConfig config,
            Forwarding table,
            Endpoint endpoint,
            Inet4Address address,
            Inet4Address from,
            @Nullable FdbEntry attached,
            @Nullable Mac learned) {
        this.config = config;
        this.table = table;
        this.endpoint = endpoint;
        this.netlink = endpoint.netlink();
        this.address = address;
        this.from = from;
        this.attached = attached;
        this.learned = learned;
    }

    Trace explain() {
        Trace.Verdict verdict = follow();
        Drop reason = drop;
        if (reason != null) {
            step("drop", reason.name().toLowerCase(Locale.ROOT) + ": " + reason.meaning());
            step("advice", reason.advice());
        }
        return new Trace(address, from, mac, verdict, vteps, reason, steps);
    }

    private void step(String what, String finding) {
        steps.add(new Trace.Step(what, finding));
    }

    private Trace.Verdict follow() {
        OverlayConfig.Local local = config.local();
        step("sender", sender(local));
        if (address.isMulticastAddress() || Cidr.toInt(address) == -1) {
            step("group", "broadcast or multicast, which the bridge copies to its ports and to the tunnel");
            mac = new Mac(BROADCAST);
            return packetFollowed();
        }
        if (local != null && !local.subnet().contains(Cidr.toInt(address))) {
            return routed(local);
        }
        step("block", block(Cidr.toInt(address), local));
        if (isLocal(local)) {
            return Trace.Verdict.LOCAL;
        }
        Forecast question = Forecast.of(table, endpoint.mtu(), arpRequest());
        step("arp", told(question));
        if (question.outcome() == Forecast.Outcome.DROPPED) {
            return dropped(question.drop());
        }
        if (question.outcome() == Forecast.Outcome.ANSWERED) {
            mac = new Mac(question.mac());
        } else {
            mac = learned;
        }
        return packetFollowed();
    }

    /** The frame with the packet itself. */
    private Trace.Verdict packetFollowed() {
        Forecast packet = Forecast.of(table, endpoint.mtu(), packet());
        step("packet", told(packet));
        if (packet.outcome() == Forecast.Outcome.DROPPED) {
            return dropped(packet.drop());
        }
        packet.peers().forEach(this::underlay);
        if (drop != null) {
            return Trace.Verdict.DROPPED;
        }
        return packet.outcome() == Forecast.Outcome.FLOODED ? Trace.Verdict.FLOODED : Trace.Verdict.SENT;
    }

    private String sender(OverlayConfig.@Nullable Local local) {
        int source = Cidr.toInt(from);
        if (source == 0) {
            return "any container of this host";
        }
        if (local != null && local.block().address(1) == source) {
            return from.getHostAddress() + ", this host";
        }
        return from.getHostAddress() + ", " + block(source, local);
    }

    private Trace.Verdict dropped(@Nullable Drop reason) {
        drop = reason;
        return Trace.Verdict.DROPPED;
    }

    private Trace.Verdict routed(OverlayConfig.Local local) {
        step(
                "subnet",
                address.getHostAddress() + " is outside " + local.subnet() + ": containers hand it to this host, "
                        + Cidr.format(local.block().address(1)) + ", which routes it");
        step("route", way(address));
        return Trace.Verdict.ROUTED;
    }

    private String block(int target, OverlayConfig.@Nullable Local local) {
        Cidr block = table.block(target);
        if (block == null) {
            return local == null
                    ? "in no peer's subnet; this host's own block is not configured"
                    : "in no block: neither of this host, " + local.block() + ", nor of a peer";
        }
        String owner = config.peers().stream()
                .filter(peer -> peer.subnets().stream().anyMatch(subnet -> subnet.contains(target)))
                .map(peer -> "peer " + NetUtil.toAddressString(peer.vtep()))
                .findFirst()
                .orElse("this host");
        return block + " of " + owner;
    }

    private boolean isLocal(OverlayConfig.@Nullable Local local) {
        if (local != null && local.block().address(1) == Cidr.toInt(address)) {
            step("bridge", config.bridge() + " itself: the address is this host's own");
            return true;
        }
        BridgeView bridge = BridgeView.of(netlink, config.bridge(), endpoint.tapIndex());
        Mac known = attached != null ? attached.mac() : bridge.mac(address);
        if (known == null) {
            return false;
        }
        String port = attached != null ? attached.port() : bridge.port(known);
        if (port == null) {
            return false;
        }
        mac = known;
        step("bridge", config.bridge() + ", port " + port + ", mac " + known + ": delivered without the tunnel");
        return true;
    }

    private String told(Forecast forecast) {
        Mac destination = mac;
        String receivers = forecast.peers().stream()
                .map(peer -> NetUtil.toAddressString(peer.vtep()))
                .collect(Collectors.joining(", "));
        return switch (forecast.outcome()) {
            case DROPPED -> "dropped";
            case ANSWERED ->
                "answered here with " + new Mac(forecast.mac()) + ": the address is a configured neighbour's";
            case ASKED -> "asked of the owner of the block alone, peer " + receivers;
            case SENT ->
                "to peer " + receivers
                        + (destination != null && table.behind(destination.value()) != null
                                ? ", which the MAC is behind"
                                : ", which owns the block");
            case FLOODED -> "nobody is known to have it: copied to every peer without subnets, " + receivers;
            case ANNOUNCED -> "told to every peer, " + receivers;
        };
    }

    private void underlay(PeerPath peer) {
        InetAddress vtep = peer.vtep();
        vteps.add(vtep);
        String obstacle = endpoint.superFrameObstacle(peer);
        step(
                "way",
                switch (endpoint.choice().mode()) {
                    case SUPER ->
                        obstacle == null
                                ? "super-frames whole through " + endpoint.tunnelName() + ", the rest by UDP socket"
                                : "cut here and sent by UDP_SEGMENT, not as super-frames: " + obstacle;
                    case GSO, AUTO -> "cut here and sent by UDP_SEGMENT";
                    case PLAIN -> "one datagram a packet";
                });
        step("mtu", mtu(peer));
        step("underlay", way(vtep));
        step("heard", heard(peer));
        if (netlink.routes().towards(vtep).isEmpty()) {
            drop = Drop.SEND_FAILED;
        }
    }

    /** Containers whose packets may be too long. */
    private String mtu(PeerPath peer) {
        int mtu = Math.min(endpoint.mtu(), peer.mtu());
        int bridge = netlink.links().find(config.bridge()).map(Link::index).orElse(-1);
        String larger = netlink.links().list().stream()
                .filter(link -> link.master() == bridge && link.index() != endpoint.tapIndex() && link.mtu() > mtu)
                .map(link -> link.name() + " (" + link.mtu() + ")")
                .limit(MAX_PORTS_NAMED)
                .collect(Collectors.joining(", "));
        return "IP packets up to " + mtu + " bytes"
                + (mtu < endpoint.mtu() ? ", " + endpoint.mtu() + " do not arrive" : "")
                + (larger.isEmpty()
                        ? ""
                        : "; longer ones are dropped as oversize, from ports that have more: " + larger);
    }

    private static String heard(PeerPath peer) {
        long nowNs = System.nanoTime();
        peer.notice(nowNs);
        OptionalLong silentNs = peer.silentNs(nowNs);
        return silentNs.isEmpty()
                ? "never; is the peer up, does it know this host, and does its UDP port " + peer.port() + " reach here?"
                : TimeUnit.NANOSECONDS.toSeconds(silentNs.getAsLong()) + " s ago, " + peer.rxPackets()
                        + " packets in all";
    }

    /** Interface and next hop by which the kernel sends to an address. */
    private String way(InetAddress destination) {
        Optional<Route> route = netlink.routes().towards(destination);
        if (route.isEmpty()) {
            return "no route to " + NetUtil.toAddressString(destination);
        }
        Optional<Link> link = netlink.links().find(route.get().linkIndex());
        InetAddress gateway = route.get().gateway();
        InetAddress hop = gateway == null ? destination : gateway;
        return link.map(Link::name).orElse("interface " + route.get().linkIndex())
                + link.filter(l -> !l.running()).map(_ -> " (down)").orElse("")
                + ", next hop " + NetUtil.toAddressString(hop) + (gateway == null ? " on the link" : "")
                + neighbour(route.get().linkIndex(), hop);
    }

    private String neighbour(int link, InetAddress hop) {
        return netlink.neighbours().list(link).stream()
                .filter(entry -> hop.equals(entry.address()))
                .findFirst()
                .map(entry -> (entry.state() & NUD_UNANSWERED) != 0 ? ", which does not answer" : at(entry))
                .orElse("");
    }

    private static String at(Neigh entry) {
        return entry.mac() == null ? "" : " at " + entry.mac();
    }

    private byte[] arpRequest() {
        ByteBuffer body = ByteBuffer.allocate(ARP_BODY_BYTES);
        body.putShort((short) 1).putShort((short) TYPE_IPV4).put((byte) 6).put((byte) 4);
        body.putShort((short) 1);
        put(body, SENDER_MAC);
        body.putInt(Cidr.toInt(from));
        put(body, 0);
        body.putInt(Cidr.toInt(address));
        return frame(BROADCAST, TYPE_ARP, body);
    }

    private byte[] packet() {
        Mac destination = mac;
        ByteBuffer body = ByteBuffer.allocate(IPV4_BYTES);
        body.put(0, (byte) 0x45).putShort(2, (short) IPV4_BYTES);
        body.putInt(12, Cidr.toInt(from)).putInt(16, Cidr.toInt(address));
        return frame(destination == null ? UNKNOWN_MAC : destination.value(), TYPE_IPV4, body);
    }

    private static byte[] frame(long destination, int type, ByteBuffer body) {
        ByteBuffer frame = ByteBuffer.allocate(14 + body.capacity());
        put(frame, destination);
        put(frame, SENDER_MAC);
        return frame.putShort((short) type).put(body.clear()).array();
    }

    private static void put(ByteBuffer buffer, long macValue) {
        buffer.putShort((short) (macValue >>> 32)).putInt((int) macValue);
    }
}
