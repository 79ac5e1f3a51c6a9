package dev.drover.dns.path;

import dev.drover.dataplane.Cidr;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.Name;

/** Collects the names of a {@link Zone}; used by one thread, once. */
public final class ZoneBuilder {
    private final Name apex;
    private final int ttlSeconds;
    private final Map<String, Node> nodes = new HashMap<>();
    private final Map<InetAddress, Name> pointers = new HashMap<>();
    private final List<Cidr> reverse = new ArrayList<>();
    private final Map<Cidr, ClientView> sources = new HashMap<>();
    private int nameCount;

    /**
     * Records of one name.
     *
     * @param alias full name of the target, null when it is no alias
     */
    public record Data(
            Collection<? extends InetAddress> addresses,
            @Nullable String alias,
            List<Srv> services,
            List<String> texts) {
        public static Data of(Collection<? extends InetAddress> addresses) {
            return new Data(addresses, null, List.of(), List.of());
        }
    }

    /** @param target full name */
    public record Srv(int priority, int weight, int port, String target) {}

    /** @param zone without final dot */
    public ZoneBuilder(String zone, int ttlSeconds) {
        this.apex = Zone.under(zone, Name.root);
        this.ttlSeconds = ttlSeconds;
    }

    /**
     * Adds what everybody sees at a name.
     *
     * @param relative owner name without the zone, lower case
     * @throws IllegalArgumentException when a name is no DNS name, or too long together with the zone
     */
    public void add(String relative, Data data) {
        nodes.put(relative, node(relative, data));
        addParents(relative);
        nameCount++;
    }

    /** The one name of an address, relative to the zone. */
    public void pointer(InetAddress address, String relative) {
        pointers.put(address, Zone.under(relative, apex));
    }

    /** A subnet whose reverse zones are ours. */
    public void reverse(Cidr subnet) {
        reverse.add(subnet);
    }

    /**
     * Adds how the clients of {@code subnets} see the names.
     *
     * @param search domains relative to the zone, most specific first
     * @param own names of theirs, relative to the zone
     */
    public void view(String name, Collection<Cidr> subnets, List<String> search, Map<String, Data> own) {
        Map<String, Node> ownNodes = new HashMap<>();
        own.forEach((relative, data) -> ownNodes.put(relative, node(relative, data)));
        ClientView view = new ClientView(name, own.isEmpty() ? NameIndex.EMPTY : new NameIndex(ownNodes), search);
        subnets.forEach(subnet -> sources.put(subnet, view));
    }

    /**
     * The zone.
     *
     * @param serverAddresses where this server is reached, for the name in its NS record
     * @param serial of the SOA record, 32 bits
     */
    public Zone build(Collection<InetAddress> serverAddresses, long serial) {
        nodes.compute(
                Zone.SERVER,
                (name, held) ->
                        held == null || held.kind() == Node.Kind.EMPTY ? node(name, Data.of(serverAddresses)) : held);
        addParents(Zone.SERVER);
        return new Zone(
                apex, ttlSeconds, serial, nodes, new Reverse(pointers, reverse), new Sources(sources), nameCount);
    }

    private void addParents(String relative) {
        for (int dot = relative.indexOf('.'); dot >= 0; dot = relative.indexOf('.', dot + 1)) {
            if (nodes.putIfAbsent(relative.substring(dot + 1), Node.EMPTY) != null) {
                return;
            }
        }
    }

    private Node node(String relative, Data data) {
        Zone.under(relative, apex);
        Node.Other other = data.alias() == null
                        && data.services().isEmpty()
                        && data.texts().isEmpty()
                ? null
                : new Node.Other(
                        data.alias() == null ? null : Zone.under(data.alias(), Name.root),
                        data.services().stream()
                                .map(srv -> new Node.Service(
                                        srv.priority(), srv.weight(), srv.port(), Zone.under(srv.target(), Name.root)))
                                .toList(),
                        data.texts().stream()
                                .map(text -> text.replace("\\", "\\\\").replace("\"", "\\\""))
                                .toList(),
                        null);
        return new Node(
                Node.Kind.HOST,
                relative,
                Zone.rotation(data.addresses(), true, ttlSeconds),
                Zone.rotation(data.addresses(), false, ttlSeconds),
                other);
    }
}
