package dev.drover.dns.path;

import dev.drover.dataplane.Cidr;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.Name;
import org.xbill.DNS.ReverseMap;
import org.xbill.DNS.TextParseException;

/**
 * PTR records (RFC 1035 section 3.5, RFC 3596 section 2.5). The zones of our own subnets are ours as a whole, so that no
 * question about a private address leaks to an upstream; other addresses that have a name are answered one by one. Zones
 * lie on octets: a subnet of another length is several of them. Immutable.
 */
final class Reverse {
    private static final int OCTET = 8;

    private final Map<Name, Node> nodes;
    private final Set<Name> zones;

    /**
     * @param zone at or above the question, owner of the SOA record in negative answers
     */
    record Found(Node node, Name zone) {}

    Reverse(Map<InetAddress, Name> pointers, Collection<Cidr> subnets) {
        nodes = new HashMap<>();
        zones = new HashSet<>();
        subnets.forEach(subnet -> zones.addAll(zonesOf(subnet)));
        pointers.forEach((address, target) -> {
            Name name = ReverseMap.fromAddress(address);
            nodes.put(name, Node.pointer(target));
            Name zone = zoneOf(name);
            if (zone != null) {
                for (Name parent = new Name(name, 1); !parent.equals(zone); parent = new Name(parent, 1)) {
                    nodes.putIfAbsent(parent, Node.EMPTY);
                }
            }
        });
        zones.forEach(zone -> nodes.put(zone, Node.APEX));
    }

    /** What there is at {@code name}; null when it is not ours. */
    @Nullable
    Found find(Name name) {
        Node node = nodes.get(name);
        Name zone = zones.isEmpty() ? null : zoneOf(name);
        if (zone != null) {
            return new Found(node == null ? Node.MISSING : node, zone);
        }
        return node == null ? null : new Found(node, name);
    }

    private @Nullable Name zoneOf(Name name) {
        for (Name at = name; at.labels() > 1; at = new Name(at, 1)) {
            if (zones.contains(at)) {
                return at;
            }
        }
        return null;
    }

    private static List<Name> zonesOf(Cidr subnet) {
        int octets = (subnet.prefixLength() + OCTET - 1) / OCTET;
        int count = 1 << octets * OCTET - subnet.prefixLength();
        int step = 1 << Integer.SIZE - octets * OCTET;
        List<Name> zones = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int network = subnet.network() + i * step;
            StringBuilder name = new StringBuilder();
            for (int octet = octets; octet > 0; octet--) {
                name.append(network >>> Integer.SIZE - octet * OCTET & 0xff).append('.');
            }
            try {
                zones.add(Name.fromString(name + "in-addr.arpa."));
            } catch (TextParseException e) {
                throw new IllegalArgumentException("subnet: " + subnet, e);
            }
        }
        return zones;
    }
}
