package dev.drover.overlay;

import dev.drover.dataplane.Link;
import dev.drover.dataplane.Mac;
import dev.drover.dataplane.Neigh;
import dev.drover.dataplane.Rtnetlink;
import java.net.Inet4Address;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What the kernel knows at one moment about the bridge of an overlay: who is behind its ports on this host. */
final class BridgeView {
    private static final long GROUP_BIT = 0x0100_0000_0000L;

    private final Map<Mac, String> ports = new TreeMap<>((a, b) -> Long.compare(a.value(), b.value()));
    private final Map<Mac, Inet4Address> addresses = new HashMap<>();
    private final Map<Inet4Address, Mac> macs = new HashMap<>();

    private BridgeView() {}

    /** Looks; empty when there is no such bridge. */
    static BridgeView of(Rtnetlink netlink, String bridge, int tapIndex) {
        BridgeView view = new BridgeView();
        Optional<Link> found = netlink.links().find(bridge);
        if (found.isEmpty()) {
            return view;
        }
        int index = found.get().index();
        Map<Integer, String> names = new HashMap<>();
        netlink.links().list().stream()
                .filter(link -> link.master() == index && link.index() != tapIndex)
                .forEach(link -> names.put(link.index(), link.name()));
        for (Neigh entry : netlink.neighbours().fdb(index)) {
            String port = names.get(entry.linkIndex());
            Mac mac = entry.mac();
            boolean own = (entry.state() & Neigh.PERMANENT) != 0; // that of the port itself
            if (port != null && mac != null && !own && (mac.value() & GROUP_BIT) == 0) {
                view.ports.put(mac, port);
            }
        }
        for (Neigh entry : netlink.neighbours().list(index)) {
            Mac mac = entry.mac();
            if (mac != null && entry.address() instanceof Inet4Address address) {
                view.addresses.put(mac, address);
                view.macs.put(address, mac);
            }
        }
        return view;
    }

    /** MACs behind ports of this host, with the name of the port. */
    Map<Mac, String> ports() {
        return ports;
    }

    /** Port of this host that a MAC is behind, null when it is behind the tunnel or unknown. */
    @Nullable
    String port(Mac mac) {
        return ports.get(mac);
    }

    /** Address of a MAC that this host has spoken with. */
    @Nullable
    Inet4Address address(Mac mac) {
        return addresses.get(mac);
    }

    /** MAC of an address that this host has spoken with. */
    @Nullable
    Mac mac(Inet4Address address) {
        return macs.get(address);
    }
}
