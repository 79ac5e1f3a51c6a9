package dev.drover.overlay;

import dev.drover.dataplane.Cidr;
import dev.drover.overlay.path.Forwarding;
import dev.drover.overlay.path.PeerPath;
import java.net.Inet4Address;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Builds the forwarding picture from the configuration and from what the lanes have learned. Belongs to the overlay's
 * control thread; peers may be read by others.
 */
final class Tables {
    /** Most learned addresses; beyond it the one that was learned longest ago goes. */
    static final int MAX_LEARNED = 4_096;

    private final int lanes;
    private final Map<Long, Inet4Address> learned = new LinkedHashMap<>();
    private volatile Map<Inet4Address, PeerPath> peers = Map.of();
    private Map<PeerPath, PeerKey> keys = Map.of();

    Tables(int lanes) {
        this.lanes = lanes;
    }

    /** The picture for a configuration; peers that stay keep their counters, learned addresses of the others go. */
    Forwarding build(OverlayConfig config) {
        Map<Inet4Address, PeerPath> next = new HashMap<>();
        Map<PeerPath, PeerKey> nextKeys = new HashMap<>();
        Forwarding.Builder builder = new Forwarding.Builder();
        if (config.local() != null) {
            builder.local(config.local().block());
        }
        for (OverlayConfig.Peer peer : config.peers()) {
            boolean floods = peer.subnets().isEmpty();
            PeerPath path = peers.get(peer.vtep());
            PeerKey key = config.encryption() == null ? null : peer.key();
            if (path == null
                    || path.floods() != floods
                    || path.port() != config.port()
                    || !Objects.equals(keys.get(path), key)) {
                path = new PeerPath(peer.vtep(), config.port(), floods, lanes);
            }
            if (key != null) {
                nextKeys.put(path, key);
            }
            next.put(peer.vtep(), path);
            builder.peer(path, peer.subnets());
        }
        peers = Map.copyOf(next);
        keys = Map.copyOf(nextKeys);
        newest(config.neighbours()).values().forEach(n -> {
            PeerPath peer = next.get(n.vtep());
            if (peer != null) {
                builder.neighbour(n.address(), n.mac(), peer);
            }
        });
        learned.values().removeIf(vtep -> !next.containsKey(vtep));
        learned.forEach((mac, vtep) -> {
            PeerPath peer = next.get(vtep);
            if (peer != null) {
                builder.learned(mac, peer);
            }
        });
        return builder.build();
    }

    private static Map<Integer, OverlayConfig.Neighbour> newest(List<OverlayConfig.Neighbour> neighbours) {
        Map<Integer, OverlayConfig.Neighbour> newest = new HashMap<>();
        for (OverlayConfig.Neighbour n : neighbours) {
            newest.merge(n.address(), n, (a, b) -> b.revision() > a.revision() ? b : a);
        }
        return newest;
    }

    /** Notes that a MAC spoke from a VTEP (host order); returns whether that is news. */
    boolean learn(long mac, int vtep) {
        Inet4Address address = Cidr.toInet(vtep);
        @Nullable Inet4Address before = learned.remove(mac);
        learned.put(mac, address);
        if (learned.size() > MAX_LEARNED) {
            learned.remove(learned.keySet().iterator().next());
        }
        return !address.equals(before);
    }

    /** The keys of the configured peers, when the overlay is encrypted. */
    Map<PeerPath, PeerKey> keys() {
        return keys;
    }

    /** The configured peers, by any thread. */
    List<PeerPath> peers() {
        return new ArrayList<>(peers.values());
    }
}
