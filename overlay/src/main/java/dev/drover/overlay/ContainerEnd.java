package dev.drover.overlay;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Link;
import dev.drover.dataplane.LinkAddress;
import dev.drover.dataplane.Route;
import dev.drover.dataplane.Rtnetlink;
import dev.drover.dataplane.Sysctl;
import java.net.Inet4Address;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Configures the end of a wire inside a container. Used on a thread that is inside the container's namespace. */
final class ContainerEnd {
    private static final int HOST_PREFIX = 32;

    private final Rtnetlink container;

    ContainerEnd(Rtnetlink container) {
        this.container = container;
    }

    /** The interface here whose other end is {@code hostEnd}: each has to name the other, since indexes repeat. */
    Optional<Link> peerOf(Link hostEnd) {
        return container
                .links()
                .find(hostEnd.peerIndex())
                .filter(link -> link.isKind("veth") && link.peerIndex() == hostEnd.index());
    }

    /** {@code eth0}, or the next one that is free. */
    String freeName() {
        Set<String> taken = container.links().list().stream().map(Link::name).collect(Collectors.toSet());
        int n = 0;
        while (taken.contains("eth" + n)) {
            n++;
        }
        return "eth" + n;
    }

    /** Makes everything about the interface as the request says; false when it was. */
    boolean configure(Link link, AttachRequest request) {
        boolean changed = device(link, request);
        changed |= address(link, request);
        changed |= settings(link.name());
        if (!link.up()) {
            container.links().setUp(link.index());
            changed = true;
        }
        changed |= routes(link, request);
        return changed;
    }

    /**
     * Announces the address on the link (gratuitous ARP): neighbours that remember an earlier owner's MAC correct it.
     * With arp_notify the kernel does so whenever the MAC is set, also to what it is. Its announcement when the link
     * goes up is too early, the bridge has not opened the port by then.
     */
    void announce(Link link, AttachRequest request) {
        container.links().setMac(link.index(), request.mac());
    }

    private boolean device(Link link, AttachRequest request) {
        boolean changed = false;
        if (!request.mac().equals(link.mac())) {
            container.links().setMac(link.index(), request.mac());
            changed = true;
        }
        if (request.mtu() != link.mtu()) {
            container.links().setMtu(link.index(), request.mtu());
            changed = true;
        }
        GsoLimits limits = GsoLimits.of(request.mtu(), request.sealed());
        if (!limits.equals(new GsoLimits(link.gsoMaxSizeBytes(), link.gsoMaxSegments()))) {
            container.links().setGsoMax(link.index(), limits.sizeBytes(), limits.segments());
            changed = true;
        }
        return changed;
    }

    /** The address and no other IPv4 one. */
    private boolean address(Link link, AttachRequest request) {
        Inet4Address wanted = Cidr.toInet(request.address());
        int prefixLength = request.subnet().prefixLength();
        boolean changed = false;
        for (LinkAddress address : container.addresses().list(link.index())) {
            boolean same = address.address().equals(wanted) && address.prefixLength() == prefixLength;
            if (address.address() instanceof Inet4Address && !same) {
                container.addresses().delete(link.index(), address.address(), address.prefixLength());
                changed = true;
            }
        }
        changed |= container.addresses().ensure(link.index(), wanted, prefixLength);
        return changed;
    }

    /** IPv6 off, as Docker has it on networks without IPv6: the overlay carries no IPv6 routes. */
    private static boolean settings(String name) {
        boolean changed = Sysctl.ensure("ipv4/conf/" + name + "/arp_notify", 1);
        changed |= Sysctl.ensureIfPresent("ipv6/conf/" + name + "/disable_ipv6", 1);
        return changed;
    }

    /** The resolver through the host; everything else too, unless the container already has a default route. */
    private boolean routes(Link link, AttachRequest request) {
        Inet4Address gateway = Cidr.toInet(request.gateway());
        List<Route> routes = container.routes().listV4();
        Route dns = Route.via(Cidr.toInet(request.dns()), HOST_PREFIX, gateway, link.index());
        boolean changed = false;
        if (routes.stream().noneMatch(dns::leadsAs)) {
            container.routes().replace(dns);
            changed = true;
        }
        Route standard = Route.defaultVia(gateway, link.index());
        boolean foreign = routes.stream().anyMatch(route -> route.isDefault() && route.linkIndex() != link.index());
        if (!foreign && routes.stream().noneMatch(standard::leadsAs)) {
            container.routes().replace(standard);
            changed = true;
        }
        return changed;
    }
}
