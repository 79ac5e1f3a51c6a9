package dev.drover.dns.path;

import dev.drover.dataplane.SocketName;
import dev.drover.dns.resolve.UpstreamAnswer;
import dev.drover.dns.wire.QueryType;
import dev.drover.dns.wire.Rcode;
import dev.drover.dns.wire.Wire;
import io.netty.buffer.ByteBuf;
import org.xbill.DNS.DClass;

/**
 * Answers the question that nearly everybody asks, straight from the bytes of the query: A or AAAA of a host of ours, of a
 * name under the zone that does not exist, or of a name that the cache knows from an upstream; nothing unusual in header or
 * EDNS, and an answer that fits. Everything else is left to {@link Query} and {@link Responder}, which would give the same answer.
 *
 * <pre>
 *  | ID | QR AA rd RA cd | 1 n 0 e | question as asked | C0 0C  type IN TTL length address | … | OPT |
 *  | ID | QR AA rd RA cd | 1 0 1 e | question as asked | apex   SOA  IN TTL length data    |     | OPT |
 * </pre>
 *
 * Names behind the question are pointers into it: the owner of an address is the question's name at offset 12, the apex its
 * end. One object a lane, used again for each query; nothing is allocated.
 */
final class PlainQuestion {
    private static final int TYPE_AND_CLASS = 4;
    private static final int POINTER = 0xc000;
    /** Pointer to the owner, type, class, TTL and length. */
    private static final int RECORD_BYTES = 12;

    private static final long ONE_QUESTION = 1L << 48;
    /** The label {@code arpa} in lower case: reverse zones of ours are below it. */
    private static final int ARPA = 'a' << 24 | 'r' << 16 | 'p' << 8 | 'a';

    private static final int ARPA_BYTES = 4;
    private static final int LOWER_CASE = 0x2020_2020;

    private final Lookup lookup = new Lookup();
    private int start;
    private int flags;
    private int nameEnd;
    private int type;
    private boolean edns;
    private boolean dnssecOk;
    private int limit;
    private Rcode rcode = Rcode.NOERROR;
    private boolean cached;
    /** Name, type and class for the cache. */
    private final byte[] asked = new byte[Wire.MAX_NAME + TYPE_AND_CLASS];

    /**
     * Writes the reply to a query of that kind; to another, nothing.
     *
     * @param query neither consumed nor kept
     * @param clientHigh upper half of the client's address, as {@link SocketName} reads it
     * @param clientLow lower half
     * @param reply with room for a message of the longest size that {@code via} allows
     * @return whether it was written
     */
    boolean answer(ByteBuf query, Serving serving, Via via, long clientHigh, long clientLow, ByteBuf reply) {
        if (!header(query)
                || !lookup.read(query, start + Wire.HEADER, query.writerIndex())
                || !question(query)
                || !options(query, via)) {
            return false;
        }
        Zone zone = serving.zone();
        lookup.find(query, zone, zone.viewOf(clientHigh, clientLow));
        cached = lookup.rule == Rule.FORWARD;
        boolean answered = cached
                ? cached(query, serving, reply)
                : lookup.rule == Rule.MISSING
                        ? absent(query, serving, reply)
                        : addresses(query, serving, lookup.node, reply);
        if (answered && edns) {
            Wire.writeOpt(reply, dnssecOk);
        }
        return answered;
    }

    /** Of the reply that was given last. */
    Rcode rcode() {
        return rcode;
    }

    /** Whether the reply that was given last came from the cache. */
    boolean isCached() {
        return cached;
    }

    /** Type of the query that was answered last. */
    QueryType type() {
        return QueryType.of(type);
    }

    private boolean header(ByteBuf query) {
        start = query.readerIndex();
        if (query.writerIndex() - start < Wire.HEADER + 1 + TYPE_AND_CLASS) {
            return false;
        }
        flags = query.getUnsignedShort(start + Wire.FLAGS);
        long more = query.getLong(start + Wire.QDCOUNT) - ONE_QUESTION;
        edns = more == 1;
        return (flags & ~(Wire.RD | Wire.AD | Wire.CD)) == 0 && more >>> 1 == 0;
    }

    private boolean question(ByteBuf query) {
        nameEnd = lookup.nameEnd;
        int length = nameEnd + TYPE_AND_CLASS + (edns ? Wire.OPT_LENGTH : 0);
        if (length != query.writerIndex()) {
            return false;
        }
        type = query.getUnsignedShort(nameEnd);
        return query.getUnsignedShort(nameEnd + 2) == DClass.IN
                && (type == QueryType.TYPE_A || type == QueryType.TYPE_AAAA);
    }

    private boolean options(ByteBuf query, Via via) {
        limit = Wire.PLAIN_PAYLOAD;
        dnssecOk = false;
        if (edns) {
            int opt = nameEnd + TYPE_AND_CLASS;
            long ttl = query.getUnsignedInt(opt + 1 + Wire.RECORD_TTL);
            if (query.getByte(opt) != 0
                    || query.getUnsignedShort(opt + 1) != QueryType.OPT
                    || (ttl & ~Wire.OPT_DO) != 0
                    || query.getUnsignedShort(opt + 1 + Wire.RECORD_RDLENGTH) != 0) {
                return false;
            }
            dnssecOk = ttl != 0;
            int size = query.getUnsignedShort(opt + 1 + Wire.RECORD_CLASS);
            limit = Math.clamp(size, Wire.PLAIN_PAYLOAD, Wire.EDNS_PAYLOAD);
        }
        if (via == Via.TCP) {
            limit = Wire.MAX_MESSAGE;
        }
        return true;
    }

    private boolean absent(ByteBuf query, Serving serving, ByteBuf reply) {
        Zone zone = serving.zone();
        begin(query, serving, Rcode.NXDOMAIN, 0, reply);
        int pointer = POINTER | lookup.apex - start;
        reply.writeShort(pointer)
                .writeShort(QueryType.TYPE_SOA)
                .writeShort(DClass.IN)
                .writeInt(zone.negativeTtlSeconds())
                .writeShort(zone.soaBytes() - RECORD_BYTES);
        Wire.append(reply, zone.serverWire, zone.serverWire.length);
        reply.writeShort(pointer);
        Wire.append(reply, zone.hostmasterWire, zone.hostmasterWire.length);
        reply.writeShort(pointer);
        Wire.append(reply, zone.soaNumbers, zone.soaNumbers.length);
        return true;
    }

    /**
     * A fresh answer that needs nothing done about it. Whether upstreams are asked for the name needs no look: only those
     * asked have filled the cache.
     */
    private boolean cached(ByteBuf query, Serving serving, ByteBuf reply) {
        if (!serving.recursion() || (flags & Wire.RD) == 0 || isReverse(query)) {
            return false;
        }
        int bytes = nameEnd + TYPE_AND_CLASS - lookup.name;
        for (int i = 0; i < bytes; i++) {
            asked[i] = query.getByte(lookup.name + i);
        }
        long now = System.nanoTime();
        UpstreamAnswer known = serving.cache().peek(asked, bytes, dnssecOk, (flags & Wire.CD) != 0, now);
        if (known == null || !known.isFresh(now) || serving.cache().policy().prefetch() && known.isEnding(now)) {
            return false;
        }
        known.hit();
        rcode = known.rcode();
        int clientFlags = flags | (dnssecOk ? Wire.AD : 0);
        int id = query.getUnsignedShort(start + Wire.ID);
        known.write(reply, id, clientFlags, asked, bytes, limit, edns ? Wire.OPT_LENGTH : 0, now);
        return true;
    }

    private boolean isReverse(ByteBuf query) {
        int label = nameEnd - 1 - ARPA_BYTES - 1;
        return label >= lookup.name
                && query.getByte(label) == ARPA_BYTES
                && (query.getInt(label + 1) | LOWER_CASE) == ARPA;
    }

    private boolean addresses(ByteBuf query, Serving serving, Node node, ByteBuf reply) {
        Rotation addresses = type == QueryType.TYPE_A ? node.v4() : node.v6();
        int size = addresses.size();
        int fixed = nameEnd + TYPE_AND_CLASS - start + (edns ? Wire.OPT_LENGTH : 0);
        if (size == 0 || addresses.bytes() > limit - fixed) {
            return false;
        }
        begin(query, serving, Rcode.NOERROR, size, reply);
        addresses.append(reply, addresses.turn());
        return true;
    }

    /** Writes header and question. */
    private void begin(ByteBuf query, Serving serving, Rcode answer, int answers, ByteBuf reply) {
        rcode = answer;
        int question = nameEnd + TYPE_AND_CLASS - lookup.name;
        int recursion = serving.recursion() ? Wire.RA : 0;
        reply.writeShort(query.getShort(start + Wire.ID));
        reply.writeShort(Wire.QR | Wire.AA | flags & (Wire.RD | Wire.CD) | recursion | rcode.value);
        reply.writeShort(1).writeShort(answers).writeShort(answers == 0 ? 1 : 0).writeShort(edns ? 1 : 0);
        Wire.append(reply, query, lookup.name, question);
    }
}
