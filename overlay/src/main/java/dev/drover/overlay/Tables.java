package dev.drover.overlay;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import dev.drover.overlay.path.Forwarding;
import dev.drover.overlay.path.PeerPath;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Builds the forwarding picture from the configuration and from what the lanes have learned. Belongs to the overlay's
 * control thread; peers may be read by others.
 */
final class Tables {
    /** Most learned addresses; beyond it the one that was learned longest ago goes. */
    static final int MAX_LEARNED = 4_096;

    private final int lanes;
    private final LongSupplier clockNs;
    private final Map<Long, Learned> learned = new LinkedHashMap<>();
    private volatile Map<InetAddress, PeerPath> peers = Map.of();
    private Map<PeerPath, PeerKey> keys = Map.of();
    private List<PeerPath> probed = List.of();

    /** @param address in host order, 0 when it is not known */
    private record Learned(InetAddress vtep, int address, long sinceNs) {}

    Tables(int lanes) {
        this(lanes, System::nanoTime);
    }

    Tables(int lanes, LongSupplier clockNs) {
        this.lanes = lanes;
        this.clockNs = clockNs;
    }

    /** The picture for a configuration; peers that stay keep their counters, learned addresses of the others go. */
    Forwarding build(OverlayConfig config) {
        Map<InetAddress, PeerPath> next = new HashMap<>();
        Map<PeerPath, PeerKey> nextKeys = new HashMap<>();
        List<PeerPath> nextProbed = new ArrayList<>();
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
            path.tellRemoteChecksum(peer.remoteChecksum());
            if (key != null) {
                nextKeys.put(path, key);
            }
            if (peer.probed()) {
                nextProbed.add(path);
            } else {
                path.mtu(Integer.MAX_VALUE);
            }
            next.put(peer.vtep(), path);
            builder.peer(path, peer.subnets());
        }
        peers = Map.copyOf(next);
        keys = Map.copyOf(nextKeys);
        probed = List.copyOf(nextProbed);
        newest(config.neighbours()).values().forEach(n -> {
            PeerPath peer = next.get(n.vtep());
            if (peer != null) {
                builder.neighbour(n.address(), n.mac(), peer);
            }
        });
        learned.values().removeIf(entry -> !next.containsKey(entry.vtep));
        learned.forEach((mac, entry) -> {
            PeerPath peer = next.get(entry.vtep);
            if (peer != null) {
                builder.learned(mac, peer);
            }
        });
        return builder.build();
    }

    private static Map<InetAddress, OverlayConfig.Neighbour> newest(List<OverlayConfig.Neighbour> neighbours) {
        Map<InetAddress, OverlayConfig.Neighbour> newest = new HashMap<>();
        for (OverlayConfig.Neighbour n : neighbours) {
            newest.merge(n.address(), n, (a, b) -> b.revision() > a.revision() ? b : a);
        }
        return newest;
    }

    /**
     * Notes that a MAC spoke from a VTEP, and the address it claimed, host order and 0 for none; returns whether that is
     * news to the lanes.
     */
    boolean learn(long mac, InetAddress vtep, int address) {
        @Nullable Learned before = learned.remove(mac);
        learned.put(mac, new Learned(vtep, address, clockNs.getAsLong()));
        if (learned.size() > MAX_LEARNED) {
            learned.remove(learned.keySet().iterator().next());
        }
        return before == null || !vtep.equals(before.vtep);
    }

    /** What is known of MACs behind peers, the configured ones first; a learned one is left out when it is configured. */
    List<FdbEntry> entries(OverlayConfig config) {
        List<FdbEntry> entries = new ArrayList<>();
        Set<Mac> configured = new HashSet<>();
        for (OverlayConfig.Neighbour n : newest(config.neighbours()).values()) {
            if (peers.containsKey(n.vtep())) {
                configured.add(n.mac());
                entries.add(new FdbEntry(
                        n.mac(), n.address(), n.vtep(), null, FdbEntry.Known.CONFIGURED, n.revision(), null));
            }
        }
        long nowNs = clockNs.getAsLong();
        learned.forEach((value, entry) -> {
            Mac mac = new Mac(value);
            if (!configured.contains(mac)) {
                long ageMs = TimeUnit.NANOSECONDS.toMillis(nowNs - entry.sinceNs);
                entries.add(new FdbEntry(
                        mac,
                        entry.address == 0 ? null : Cidr.toInet(entry.address),
                        entry.vtep,
                        null,
                        FdbEntry.Known.LEARNED,
                        null,
                        ageMs));
            }
        });
        return entries;
    }

    /** The MAC that was learned last with an address, null for none: for people, since it may have passed to another. */
    @Nullable
    Mac learnedMac(int address) {
        return learned.entrySet().stream()
                .filter(entry -> entry.getValue().address == address)
                .map(entry -> new Mac(entry.getKey()))
                .reduce(null, (_, last) -> last);
    }

    /** The keys of the configured peers, when the overlay is encrypted. */
    Map<PeerPath, PeerKey> keys() {
        return keys;
    }

    /** The configured peers that answer probes. */
    List<PeerPath> probed() {
        return probed;
    }

    /** The configured peers, by any thread. */
    List<PeerPath> peers() {
        return new ArrayList<>(peers.values());
    }
}
