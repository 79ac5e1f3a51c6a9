package dev.drover.dns.path;

import dev.drover.dns.wire.QueryType;
import dev.drover.dns.wire.Rcode;
import io.netty.buffer.Unpooled;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.CNAMERecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Name;
import org.xbill.DNS.PTRRecord;
import org.xbill.DNS.Record;
import org.xbill.DNS.SRVRecord;
import org.xbill.DNS.TXTRecord;

/**
 * Answers one query from the zone. Existence of the name alone decides between NODATA and NXDOMAIN, never the type asked
 * for, so that A and AAAA always agree (musl gives a name up when either says NXDOMAIN).
 */
final class Responder {
    /** Aliases that are followed for one query; longer chains are an error of whoever made them. */
    private static final int MAX_CHAIN = 8;

    private final Query query;
    private final Zone zone;
    private final boolean recursion;
    private final int limit;
    private final Lookup lookup = new Lookup();
    private final List<Record> chain = new ArrayList<>();
    /** Name whose records are looked for: the one asked for, or the target of its alias. */
    private Name owner;

    private Responder(Query query, Zone zone, boolean recursion, int limit) {
        this.query = query;
        this.zone = zone;
        this.recursion = recursion;
        this.limit = limit;
        this.owner = query.name;
    }

    /** What the zone says to a well-formed query of {@code client}. */
    static Answer respond(Query query, Serving serving, Via via, InetAddress client) {
        boolean recursion = serving.recursion();
        switch (query.type) {
            case QueryType.OPT, QueryType.TSIG -> {
                return done(Reply.headerOnly(query, Rcode.FORMERR));
            }
            case QueryType.AXFR -> {
                // RFC 5936 section 4.2 does not define it over UDP.
                return done(
                        via == Via.UDP
                                ? Reply.headerOnly(query, Rcode.FORMERR)
                                : Reply.empty(query, Rcode.REFUSED, recursion));
            }
            case QueryType.IXFR, QueryType.TKEY -> {
                return done(Reply.empty(query, Rcode.REFUSED, recursion));
            }
            default -> {
                if (query.dclass != DClass.IN) {
                    return done(Reply.empty(query, Rcode.REFUSED, recursion));
                }
            }
        }
        Zone zone = serving.zone();
        return new Responder(query, zone, recursion, query.limit(via)).answer(zone.viewOf(client));
    }

    private static Answer done(Reply reply) {
        return new Answer.Done(reply);
    }

    private Answer answer(@Nullable ClientView view) {
        find(view);
        if (lookup.rule == Rule.FORWARD) {
            Reverse.Found reverse = zone.reverse.find(query.name);
            return reverse == null ? new Answer.Forward() : done(records(reverse.node(), reverse.zone()));
        }
        Name alias = lookup.node.alias();
        while (alias != null && query.type != QueryType.TYPE_CNAME && query.type != QueryType.TYPE_ANY) {
            if (chain.size() == MAX_CHAIN) {
                return done(reply(Rcode.SERVFAIL).fit(limit));
            }
            chain.add(new CNAMERecord(owner, DClass.IN, zone.ttlSeconds, alias));
            owner = alias;
            find(view);
            if (lookup.rule == Rule.FORWARD) {
                return recursion
                        ? new Answer.Follow(query, recursion, limit, chain, query.about(alias))
                        : done(reply(Rcode.NOERROR).fit(limit));
            }
            alias = lookup.node.alias();
        }
        return done(records(lookup.node, lookup.underZone ? zone.apex : owner));
    }

    private void find(@Nullable ClientView view) {
        byte[] name = owner.toWire();
        var bytes = Unpooled.wrappedBuffer(name);
        if (!lookup.read(bytes, 0, name.length)) {
            throw new IllegalStateException("name was checked before");
        }
        lookup.find(bytes, zone, view);
    }

    /**
     * @param authority owner of the SOA record; at or above the name, also for one without zone, which is a zone of its own
     *     to whoever caches the answer
     */
    private Reply records(Node node, Name authority) {
        List<? extends Record> records = switch (query.type) {
            case QueryType.TYPE_A -> addresses(owner, node.v4());
            case QueryType.TYPE_AAAA -> addresses(owner, node.v6());
            case QueryType.TYPE_SOA ->
                node.kind() == Node.Kind.APEX ? List.of(zone.soa(owner, zone.ttlSeconds)) : List.of();
            case QueryType.TYPE_NS -> node.kind() == Node.Kind.APEX ? List.of(zone.ns(owner)) : List.of();
            case QueryType.TYPE_ANY -> any(node);
            default -> other(node, query.type);
        };
        if (records.isEmpty()) {
            Rcode rcode = node.kind() == Node.Kind.MISSING ? Rcode.NXDOMAIN : Rcode.NOERROR;
            return reply(rcode)
                    .authority(List.of(zone.soa(authority, zone.negativeTtlSeconds())))
                    .fit(limit);
        }
        chain.addAll(records);
        return reply(Rcode.NOERROR).additional(glue(records)).fit(limit);
    }

    private ReplyBuilder reply(Rcode rcode) {
        return new ReplyBuilder(query, rcode, recursion).answer(chain);
    }

    /** One RRset stands for all (RFC 8482 section 4.1). */
    private List<? extends Record> any(Node node) {
        if (node.kind() == Node.Kind.APEX) {
            return List.of(zone.soa(owner, zone.ttlSeconds));
        }
        if (node.v4().size() + node.v6().size() > 0) {
            return addresses(owner, node.v4().size() > 0 ? node.v4() : node.v6());
        }
        for (int type : new int[] {QueryType.TYPE_CNAME, QueryType.TYPE_SRV, QueryType.TYPE_TXT, QueryType.TYPE_PTR}) {
            List<? extends Record> records = other(node, type);
            if (!records.isEmpty()) {
                return records;
            }
        }
        return List.of();
    }

    private List<? extends Record> addresses(Name name, Rotation rotation) {
        List<Record> records = new ArrayList<>(rotation.size());
        int turn = rotation.size() == 0 ? 0 : rotation.turn();
        for (int i = 0; i < rotation.size(); i++) {
            InetAddress address = rotation.at(turn + i);
            records.add(
                    address instanceof Inet4Address
                            ? new ARecord(name, DClass.IN, zone.ttlSeconds, address)
                            : new AAAARecord(name, DClass.IN, zone.ttlSeconds, address));
        }
        return records;
    }

    private List<? extends Record> other(Node node, int type) {
        Node.Other other = node.other();
        if (other == null) {
            return List.of();
        }
        int ttl = zone.ttlSeconds;
        return switch (type) {
            case QueryType.TYPE_CNAME ->
                other.alias() == null ? List.of() : List.of(new CNAMERecord(owner, DClass.IN, ttl, other.alias()));
            case QueryType.TYPE_PTR ->
                other.pointer() == null ? List.of() : List.of(new PTRRecord(owner, DClass.IN, ttl, other.pointer()));
            case QueryType.TYPE_SRV -> services(other);
            case QueryType.TYPE_TXT ->
                other.texts().stream()
                        .map(text -> new TXTRecord(owner, DClass.IN, ttl, text))
                        .toList();
            default -> List.of();
        };
    }

    private List<SRVRecord> services(Node.Other other) {
        List<SRVRecord> records = new ArrayList<>();
        int size = other.services().size();
        int turn = size == 0 ? 0 : Math.floorMod(other.turn().getAndIncrement(), size);
        for (int i = 0; i < size; i++) {
            Node.Service service = other.services().get((turn + i) % size);
            records.add(new SRVRecord(
                    owner,
                    DClass.IN,
                    zone.ttlSeconds,
                    service.priority(),
                    service.weight(),
                    service.port(),
                    service.target()));
        }
        return records;
    }

    /** Addresses of the targets of SRV records that are ours (RFC 2782, "Additional"). */
    private List<Record> glue(List<? extends Record> records) {
        Set<Name> targets = new LinkedHashSet<>();
        for (Record record : records) {
            if (record instanceof SRVRecord service) {
                targets.add(service.getTarget());
            }
        }
        List<Record> glue = new ArrayList<>();
        for (Name target : targets) {
            owner = target;
            find(null);
            glue.addAll(addresses(target, lookup.node.v4()));
            glue.addAll(addresses(target, lookup.node.v6()));
        }
        return glue;
    }
}
