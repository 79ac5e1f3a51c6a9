package dev.drover.dns.path;

import dev.drover.dns.wire.QueryType;
import dev.drover.dns.wire.Rcode;
import dev.drover.dns.wire.Wire;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;

/**
 * Answers one query from the zone. Existence of the name alone decides between NODATA and NXDOMAIN, never the type asked
 * for, so that A and AAAA always agree (musl gives a name up when either says NXDOMAIN).
 */
final class Responder {
    /** Owner pointer, type, class, TTL, RDLENGTH and address. */
    private static final int A_LENGTH = 16;

    private static final int AAAA_LENGTH = 28;

    private final Query query;
    private final Zone zone;
    private final boolean recursion;
    private final int limit;

    private Responder(Query query, Zone zone, boolean recursion, int limit) {
        this.query = query;
        this.zone = zone;
        this.recursion = recursion;
        this.limit = limit;
    }

    /** The reply to a well-formed query, or null when the name is not ours and an upstream must be asked. */
    static @Nullable Reply respond(Query query, Serving serving, Via via) {
        boolean recursion = serving.recursion();
        switch (query.type) {
            case QueryType.OPT, QueryType.TSIG -> {
                return Reply.headerOnly(query, Rcode.FORMERR);
            }
            case QueryType.AXFR -> {
                // RFC 5936 section 4.2 does not define it over UDP.
                return via == Via.UDP
                        ? Reply.headerOnly(query, Rcode.FORMERR)
                        : Reply.empty(query, Rcode.REFUSED, recursion);
            }
            case QueryType.IXFR, QueryType.TKEY -> {
                return Reply.empty(query, Rcode.REFUSED, recursion);
            }
            default -> {
                if (query.dclass != DClass.IN) {
                    return Reply.empty(query, Rcode.REFUSED, recursion);
                }
            }
        }
        Zone zone = serving.zone();
        Zone.Node node = zone.find(query.name);
        return node == null ? null : new Responder(query, zone, recursion, query.limit(via)).authoritative(node);
    }

    private Reply authoritative(Zone.Node node) {
        boolean apex = node.kind() == Zone.Kind.APEX;
        return switch (query.type) {
            case QueryType.TYPE_A -> addresses(node, node.v4(), A_LENGTH);
            case QueryType.TYPE_AAAA -> addresses(node, node.v6(), AAAA_LENGTH);
            case QueryType.TYPE_SOA -> apex ? positive(zone.soa(query.name, zone.ttlSeconds)) : negative(node);
            case QueryType.TYPE_NS -> apex ? positive(zone.ns(query.name)) : negative(node);
            case QueryType.TYPE_ANY -> apex ? positive(zone.soa(query.name, zone.ttlSeconds)) : any(node);
            default -> negative(node);
        };
    }

    /** One RRset stands for all (RFC 8482 section 4.1). */
    private Reply any(Zone.Node node) {
        return node.v4().size() > 0 ? addresses(node, node.v4(), A_LENGTH) : addresses(node, node.v6(), AAAA_LENGTH);
    }

    private Reply addresses(Zone.Node node, Rotation rotation, int recordLength) {
        if (rotation.size() == 0) {
            return negative(node);
        }
        int fixed = Wire.HEADER + query.question.length + query.optBytes(null);
        int count = Math.min(rotation.size(), (limit - fixed) / recordLength);
        // Over TCP there is no larger message to come back for: a part of the set is the best there is.
        boolean truncated = count < rotation.size() && limit < Wire.MAX_MESSAGE;
        int turn = rotation.turn();
        List<Record> answer = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            var address = rotation.at(turn + i);
            answer.add(
                    recordLength == A_LENGTH
                            ? new ARecord(query.name, DClass.IN, zone.ttlSeconds, address)
                            : new AAAARecord(query.name, DClass.IN, zone.ttlSeconds, address));
        }
        return Reply.of(query, Rcode.NOERROR, recursion, truncated, answer, List.of());
    }

    private Reply positive(Record record) {
        return Reply.of(query, Rcode.NOERROR, recursion, false, List.of(record), List.of());
    }

    private Reply negative(Zone.Node node) {
        // A bare name is a zone of its own to whoever caches the answer: the SOA must be at or above the question.
        Name owner = node.kind() == Zone.Kind.BARE_HOST ? query.name : zone.apex;
        Rcode rcode = node.kind() == Zone.Kind.MISSING ? Rcode.NXDOMAIN : Rcode.NOERROR;
        return Reply.of(query, rcode, recursion, false, List.of(), List.of(zone.soa(owner, zone.negativeTtlSeconds())));
    }
}
