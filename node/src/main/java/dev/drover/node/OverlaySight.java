package dev.drover.node;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import dev.drover.node.admin.Query;
import dev.drover.overlay.FdbEntry;
import dev.drover.overlay.Flow;
import dev.drover.overlay.NetworkPolicy;
import dev.drover.overlay.Overlay;
import dev.drover.overlay.OverlayStatus;
import dev.drover.overlay.PolicyEnforcer;
import dev.drover.overlay.Trace;
import dev.drover.overlay.path.Drop;
import java.net.Inet4Address;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What the admin endpoint shows of the overlay, with what the node knows of its own containers. */
final class OverlaySight {
    private final @Nullable Overlay overlay;
    private final Map<String, Attached> attached;
    private final long spoofedFrames;
    private final PolicyEnforcer policies;

    /**
     * @param attached containers of this host by key
     * @param spoofedFrames that the guards of containers' wires have dropped
     */
    OverlaySight(
            @Nullable Overlay overlay, Map<String, Attached> attached, long spoofedFrames, PolicyEnforcer policies) {
        this.overlay = overlay;
        this.attached = attached;
        this.spoofedFrames = spoofedFrames;
        this.policies = policies;
    }

    /**
     * A container that was wired in.
     *
     * @param address host order
     */
    record Attached(int address, Mac mac, String port) {
        FdbEntry entry() {
            return FdbEntry.local(mac, Cidr.toInet(address), port);
        }
    }

    /**
     * A reason with what it has counted.
     *
     * @param reason as in the metric
     */
    record Dropped(String reason, long count, String meaning, String advice) {}

    /**
     * A trace, and what the network policy says where the packet ends.
     *
     * @param policy null without a policy or without a sender
     */
    record Traced(@JsonUnwrapped Trace trace, NetworkPolicy.@Nullable Finding policy) {}

    List<OverlayStatus.PeerStatus> peers() {
        return overlay == null ? List.of() : overlay.status().peers();
    }

    /** Attached containers are there also when the bridge has not heard of them for long. */
    List<FdbEntry> fdb() {
        if (overlay == null) {
            return List.of();
        }
        Set<Mac> wired = new HashSet<>();
        List<FdbEntry> entries = new ArrayList<>();
        attached.values().forEach(container -> {
            wired.add(container.mac);
            entries.add(container.entry());
        });
        overlay.fdb().stream()
                .filter(entry -> entry.known() != FdbEntry.Known.LOCAL || !wired.contains(entry.mac()))
                .forEach(entries::add);
        return entries;
    }

    List<Flow> flows() {
        return overlay == null ? List.of() : overlay.flows();
    }

    List<Dropped> drops() {
        if (overlay == null) {
            return List.of();
        }
        Map<Drop, Long> counts = overlay.status().drops();
        Stream<Dropped> byOverlay = Arrays.stream(Drop.values())
                .map(drop -> new Dropped(
                        drop.name().toLowerCase(Locale.ROOT),
                        counts.getOrDefault(drop, 0L),
                        drop.meaning(),
                        drop.advice()));
        Dropped atTheWire = new Dropped(
                "container_spoofed",
                spoofedFrames,
                "container: sent from an address or MAC that is not its own, dropped at its port",
                "look what runs in the container; drover_container_spoofed_frames counts it");
        Dropped denied = new Dropped(
                "policy_denied",
                policies.drops(),
                "container: the network policy does not let it come to this host's container, dropped at its port",
                "ask drover overlay trace --from SENDER RECEIVER which rule it is; drover_policy_dropped_packets counts it");
        return Stream.concat(byOverlay, Stream.of(atTheWire, denied)).toList();
    }

    /** @throws Query.BadQueryException unless there is an IPv4 address, and perhaps another to come from */
    Object trace(Query query) {
        query.only("address", "from");
        int address = address(query, "address");
        Integer from = query.value("from") == null ? null : address(query, "from");
        if (overlay == null) {
            throw new Query.BadQueryException("overlay: none on this node (expected: a node with an overlay)");
        }
        FdbEntry here = attached.values().stream()
                .filter(container -> container.address == address)
                .map(Attached::entry)
                .findFirst()
                .orElse(null);
        Trace trace = overlay.trace(address, from, here);
        NetworkPolicy policy = policies.policy();
        return new Traced(trace, policy == null || from == null ? null : policy.explain(from, address));
    }

    private static int address(Query query, String name) {
        String text = query.value(name);
        try {
            Inet4Address address = Inet4Address.ofLiteral(text == null ? "" : text);
            if (address.getHostAddress().equals(text)) {
                return Cidr.toInt(address);
            }
        } catch (IllegalArgumentException e) {
            throw bad(name, text);
        }
        throw bad(name, text); // 10.1 and the like
    }

    private static Query.BadQueryException bad(String name, @Nullable String text) {
        return new Query.BadQueryException(
                name + ": " + (text == null ? "not given" : text) + " (expected: IPv4 a.b.c.d)");
    }
}
