package dev.drover.overlay.path;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Who is behind which tunnel endpoint: one immutable picture, built by cold code, read by every lane once per batch.
 * Subnets do not overlap; the caller has checked that.
 */
public final class Forwarding {
    static final long NO_MAC = -1;

    private final AddressMap<PeerPath> byVtep;
    private final FrozenMap<PeerPath> byMac;
    private final FrozenMap<Mac> neighbours;
    private final AddressMap<NeighbourV6> neighboursV6;
    private final PeerPath[] peers;
    private final PeerPath[] flooded;
    /** First addresses of subnets, ascending as unsigned, with the last address and owner of each (null: this host). */
    private final int[] first;

    private final int[] last;
    private final @Nullable PeerPath[] owner;

    private Forwarding(Builder builder) {
        byVtep = new AddressMap<>(builder.byVtep);
        byMac = new FrozenMap<>(builder.byMac);
        neighbours = new FrozenMap<>(builder.neighbours);
        neighboursV6 = new AddressMap<>(builder.neighboursV6);
        peers = builder.byVtep.values().toArray(PeerPath[]::new);
        flooded = builder.byVtep.values().stream().filter(PeerPath::floods).toArray(PeerPath[]::new);
        List<Range> ranges = new ArrayList<>(builder.ranges);
        ranges.sort(Comparator.comparingInt(range -> range.subnet.network() ^ Integer.MIN_VALUE));
        first = new int[ranges.size()];
        last = new int[ranges.size()];
        owner = new PeerPath[ranges.size()];
        for (int i = 0; i < first.length; i++) {
            Cidr subnet = ranges.get(i).subnet;
            first[i] = subnet.network();
            last[i] = subnet.network() | ~Cidr.mask(subnet.prefixLength());
            owner[i] = ranges.get(i).owner;
        }
    }

    /** A container elsewhere with an IPv6 address. */
    record NeighbourV6(long mac, PeerPath peer) {}

    private record Range(Cidr subnet, @Nullable PeerPath owner) {}

    /** The configured peer with this underlay address, in halves as {@link dev.drover.dataplane.SocketName} reads it. */
    @Nullable
    PeerPath peer(long high, long low) {
        return byVtep.get(high, low);
    }

    /** The peer that a unicast MAC is known to be behind. */
    public @Nullable PeerPath behind(long mac) {
        return byMac.get(mac);
    }

    /** MAC of a configured neighbour, or {@link #NO_MAC}. */
    long neighbour(int address) {
        Mac mac = neighbours.get(address & 0xffff_ffffL);
        return mac == null ? NO_MAC : mac.value();
    }

    /** The configured neighbour with this IPv6 address, in halves. */
    @Nullable
    NeighbourV6 neighbourV6(long high, long low) {
        return neighboursV6.isEmpty() ? null : neighboursV6.get(high, low);
    }

    /** Index for {@link #owner} of the subnet that holds an address, -1 when none does. */
    int subnet(int address) {
        int low = 0;
        int high = first.length - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            if (Integer.compareUnsigned(first[middle], address) > 0) {
                high = middle - 1;
            } else if (Integer.compareUnsigned(last[middle], address) < 0) {
                low = middle + 1;
            } else {
                return middle;
            }
        }
        return -1;
    }

    /** Owner of a subnet; null is this host. */
    @Nullable
    PeerPath owner(int subnet) {
        return owner[subnet];
    }

    /** The subnet that holds an address, null when none does: for people, not for packets. */
    public @Nullable Cidr block(int address) {
        int subnet = subnet(address);
        return subnet < 0
                ? null
                : new Cidr(first[subnet], Integer.SIZE - Integer.bitCount(first[subnet] ^ last[subnet]));
    }

    /** Every peer. Not to be modified. */
    PeerPath[] peers() {
        return peers;
    }

    /** Peers that get a copy of what is flooded. Not to be modified. */
    PeerPath[] flooded() {
        return flooded;
    }

    /** Collects the parts; not thread-safe. */
    public static final class Builder {
        private final Map<InetAddress, PeerPath> byVtep = new HashMap<>();
        private final Map<Long, PeerPath> byMac = new HashMap<>();
        private final Map<Long, Mac> neighbours = new HashMap<>();
        private final Map<InetAddress, NeighbourV6> neighboursV6 = new HashMap<>();
        private final List<Range> ranges = new ArrayList<>();

        public Builder local(Cidr block) {
            ranges.add(new Range(block, null));
            return this;
        }

        public Builder peer(PeerPath peer, List<Cidr> subnets) {
            byVtep.put(peer.vtep(), peer);
            subnets.forEach(subnet -> ranges.add(new Range(subnet, peer)));
            return this;
        }

        /** A container whose address and MAC are known; wins over what was learned. */
        public Builder neighbour(InetAddress address, Mac mac, PeerPath peer) {
            if (address instanceof Inet4Address v4) {
                neighbours.put(Cidr.toInt(v4) & 0xffff_ffffL, mac);
            } else {
                neighboursV6.put(address, new NeighbourV6(mac.value(), peer));
            }
            byMac.put(mac.value(), peer);
            return this;
        }

        public Builder learned(long mac, PeerPath peer) {
            byMac.putIfAbsent(mac, peer);
            return this;
        }

        public Forwarding build() {
            return new Forwarding(this);
        }
    }
}
