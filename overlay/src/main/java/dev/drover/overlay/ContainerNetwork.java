package dev.drover.overlay;

import dev.drover.dataplane.Link;
import dev.drover.dataplane.Mac;
import dev.drover.dataplane.NetNs;
import dev.drover.dataplane.Rtnetlink;
import dev.drover.dataplane.SourceGuard;
import dev.drover.dataplane.Sys;
import dev.drover.dataplane.SysException;
import dev.drover.dataplane.VethSpec;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Wires containers into the overlay: a veth pair from the bridge into the container's namespace, its address and its
 * routes. The kernel is the only memory: an attach looks at what is there, changes what differs and says whether it
 * changed anything, so a restarted node adopts the wires of its predecessor by attaching all again. What a container sends
 * from another address or MAC than its own is dropped where its wire enters the host, before anybody sees it, also while
 * no node runs.
 *
 * <p>Thread-safe; one change at a time. Each attach runs on a short-lived platform thread inside the container's
 * namespace and takes a few milliseconds. Failures of the kernel are {@link SysException}s.
 */
public final class ContainerNetwork implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ContainerNetwork.class);
    /** Host ends are named {@code drv} and the key: 15 bytes, the most that the kernel takes, for a key of 12. */
    private static final String PREFIX = "drv";

    private static final int NAME_ATTEMPTS = 3;
    private static final long CARRIER_TIMEOUT_NS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final long CARRIER_POLL_NS = TimeUnit.MILLISECONDS.toNanos(1);

    private final NetNs host;
    private final Rtnetlink rtnetlink;
    private final IntConsumer beforePlug;
    private final Map<Integer, Owner> guarded = new HashMap<>();
    private @Nullable SourceGuard guard;

    private record Owner(Mac mac, int address) {}

    private ContainerNetwork(NetNs host, Rtnetlink rtnetlink, IntConsumer beforePlug) {
        this.host = host;
        this.rtnetlink = rtnetlink;
        this.beforePlug = beforePlug;
        try {
            guard = SourceGuard.open(rtnetlink);
        } catch (SysException e) {
            unguarded(e);
        }
    }

    /** For containers of the host whose namespace the calling thread is in. */
    public static ContainerNetwork open() {
        return open(_ -> {});
    }

    /**
     * For containers of the host whose namespace the calling thread is in.
     *
     * @param beforePlug is told the index of the host's end of a wire before that becomes a port of the bridge, as
     *     {@link PolicyEnforcer#hold} wants it; its exception ends the attach
     */
    public static ContainerNetwork open(IntConsumer beforePlug) {
        return new ContainerNetwork(NetNs.current(), Rtnetlink.open(), beforePlug);
    }

    /**
     * Brings a container into the overlay, or back into it. Once it returns the container is reachable on this host.
     *
     * @throws IllegalArgumentException the namespace is the host's own
     * @throws IllegalStateException the name of the host's end belongs to another kind of device
     * @throws SysException the container or the bridge has gone, or the kernel refused
     */
    public synchronized Attachment attach(AttachRequest request) {
        try (NetNs namespace = NetNs.open(request.namespacePath())) {
            if (namespace.same(host)) {
                throw new IllegalArgumentException("network namespace of container " + request.key() + ": "
                        + request.namespacePath() + " is the host's own (expected: one of the container's own)");
            }
            return namespace.call(() -> {
                try (Rtnetlink container = Rtnetlink.open()) {
                    return attach(request, namespace, new ContainerEnd(container));
                }
            });
        }
    }

    /** Frames that containers sent from an address or MAC that is not theirs, since this object was opened. */
    public synchronized long spoofedFrames() {
        return guard == null ? 0 : guard.drops();
    }

    /** Takes a container out of the overlay; false when it is not in it. Its routes and address go with the wire. */
    public synchronized boolean detach(String key) {
        return find(interfaceName(key)).map(link -> delete(link.index())).orElse(false);
    }

    /** Whether the host's end of a container's wire is up, a port of the bridge, and has that MTU. */
    public synchronized boolean inPlace(String key, String bridge, int mtu) {
        int master = rtnetlink.links().find(bridge).map(Link::index).orElse(-1);
        return find(interfaceName(key))
                .filter(link -> link.master() == master && link.mtu() == mtu && link.up())
                .isPresent();
    }

    /** The host's ends of all wires. */
    public synchronized List<HostEnd> list() {
        List<Link> links = rtnetlink.links().list();
        Map<Integer, String> names = links.stream().collect(Collectors.toMap(Link::index, Link::name));
        return links.stream()
                .filter(link -> link.isKind("veth") && link.name().startsWith(PREFIX))
                .map(link -> new HostEnd(
                        link.name().substring(PREFIX.length()),
                        link.name(),
                        link.index(),
                        names.getOrDefault(link.master(), "")))
                .toList();
    }

    /**
     * Takes out whatever is on the bridge, or on none, and not among {@code live}. Call it with a complete list of
     * containers only.
     *
     * @return keys of what was taken out
     */
    public synchronized List<String> prune(String bridge, Set<String> live) {
        return list().stream()
                .filter(end -> end.bridge().equals(bridge) || end.bridge().isEmpty())
                .map(HostEnd::key)
                .filter(key -> !live.contains(key) && detach(key))
                .toList();
    }

    @Override
    public synchronized void close() {
        if (guard != null) {
            guard.close();
        }
        rtnetlink.close();
        host.close();
    }

    /** Name of the host's end of a container's wire. */
    public static String interfaceName(String key) {
        return PREFIX + AttachRequest.checkKey(key);
    }

    private Attachment attach(AttachRequest request, NetNs namespace, ContainerEnd container) {
        String name = interfaceName(request.key());
        Link bridge = rtnetlink.links().get(request.bridge());
        Optional<Link> existing = find(name);
        Link hostEnd = existing.filter(link -> leadsInto(container, link))
                .orElseGet(() -> wire(request, namespace, container));
        boolean changed = existing.map(link -> link.index() != hostEnd.index()).orElse(true);
        guard(hostEnd, new Owner(request.mac(), request.address()));
        changed |= plug(hostEnd, bridge, request.mtu());
        Link end = container
                .peerOf(hostEnd)
                .orElseThrow(() -> new IllegalStateException("other end of " + name + ": vanished from "
                        + request.namespacePath() + " (expected: a veth in it)"));
        changed |= container.configure(end, request);
        if (changed) {
            awaitCarrier(hostEnd);
            container.announce(end, request);
        }
        return new Attachment(
                request.key(),
                name,
                hostEnd.index(),
                end.name(),
                end.index(),
                request.address(),
                request.mac(),
                changed);
    }

    /** A wire into another namespace is what an earlier run of a restarted container left; it is taken down. */
    private boolean leadsInto(ContainerEnd container, Link hostEnd) {
        if (container.peerOf(hostEnd).isPresent()) {
            return true;
        }
        delete(hostEnd.index());
        return false;
    }

    private boolean delete(int index) {
        guarded.remove(index);
        return rtnetlink.links().delete(index);
    }

    private void guard(Link hostEnd, Owner owner) {
        if (guard == null || owner.equals(guarded.get(hostEnd.index()))) {
            return;
        }
        try {
            guard.guard(hostEnd.index(), owner.mac, owner.address);
            guarded.put(hostEnd.index(), owner);
        } catch (SysException e) {
            if (e.errno() == Sys.ENODEV) {
                throw e;
            }
            guard.close();
            guard = null;
            unguarded(e);
        }
    }

    private static void unguarded(SysException e) {
        LOG.warn(
                "containers are not kept from using each other's addresses: {} (expected: a kernel with BPF, clsact and"
                        + " cls_bpf, and CAP_BPF)",
                e.getMessage());
    }

    /** An engine that plugs a network in at the same time may take the free name; then the next one is tried. */
    private Link wire(AttachRequest request, NetNs namespace, ContainerEnd container) {
        GsoLimits limits = GsoLimits.of(request.mtu(), request.sealed());
        for (int attempt = 1; ; attempt++) {
            try {
                return rtnetlink
                        .links()
                        .createVeth(new VethSpec(
                                interfaceName(request.key()),
                                Mac.random(),
                                namespace,
                                container.freeName(),
                                request.mac(),
                                request.mtu(),
                                limits.sizeBytes(),
                                limits.segments()));
            } catch (SysException e) {
                if (e.errno() != Sys.EEXIST || attempt == NAME_ATTEMPTS) {
                    throw e;
                }
            }
        }
    }

    private boolean plug(Link hostEnd, Link bridge, int mtu) {
        boolean changed = false;
        if (hostEnd.mtu() != mtu) {
            rtnetlink.links().setMtu(hostEnd.index(), mtu);
            changed = true;
        }
        if (hostEnd.master() != bridge.index() || !hostEnd.up()) {
            beforePlug.accept(hostEnd.index());
            rtnetlink.links().setPort(hostEnd.index(), bridge.index());
            changed = true;
        }
        return changed;
    }

    /**
     * The kernel opens the port of the bridge from a queue of its own once both ends are up, at once by its lights;
     * asking makes Linux 6.8 and later catch up. A port that stays shut is no error here: the wire is right.
     */
    private void awaitCarrier(Link hostEnd) {
        long deadlineNs = System.nanoTime() + CARRIER_TIMEOUT_NS;
        while (!rtnetlink.links().find(hostEnd.index()).map(Link::running).orElse(true)
                && System.nanoTime() - deadlineNs < 0) {
            LockSupport.parkNanos(CARRIER_POLL_NS);
        }
    }

    private Optional<Link> find(String name) {
        Optional<Link> link = rtnetlink.links().find(name);
        if (link.isPresent() && !link.get().isKind("veth")) {
            throw new IllegalStateException(
                    "interface " + name + ": " + link.get().kind() + " (expected: a veth)");
        }
        return link;
    }
}
