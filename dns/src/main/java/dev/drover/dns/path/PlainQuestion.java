package dev.drover.dns.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.DClass;

/**
 * Answers the question that nearly everybody asks, straight from the bytes of the query: A or AAAA of a host of ours, or
 * of a name under the zone that does not exist; nothing unusual in header or EDNS, and an answer that fits. Everything
 * else is left to {@link Query} and {@link Responder}, which would give the same answer.
 *
 * <pre>
 *  | ID | QR AA rd RA cd | 1 n 0 e | question as asked | C0 0C  type IN TTL length address | … | OPT |
 *  | ID | QR AA rd RA cd | 1 0 1 e | question as asked | apex   SOA  IN TTL length data    |     | OPT |
 * </pre>
 *
 * Names behind the question are pointers into it: the owner of an address is the question's name at offset 12, the apex its
 * end.
 */
final class PlainQuestion {
    private static final int MAX_LABEL = 63;
    private static final int TYPE_AND_CLASS = 4;
    private static final int POINTER = 0xc000;
    /** Pointer to the owner, type, class, TTL and length. */
    private static final int RECORD_BYTES = 12;

    private static final long ONE_QUESTION = 1L << 48;

    private PlainQuestion() {}

    /**
     * The reply, or null when the query is not of that kind.
     *
     * @param query neither consumed nor kept
     */
    static @Nullable Reply answer(ByteBuf query, Serving serving, Via via, ByteBufAllocator allocator) {
        int start = query.readerIndex();
        int end = query.writerIndex();
        if (end - start < Wire.HEADER + 1 + TYPE_AND_CLASS) {
            return null;
        }
        int flags = query.getUnsignedShort(start + Wire.FLAGS);
        long counts = query.getLong(start + Wire.QDCOUNT) - ONE_QUESTION;
        if ((flags & ~(Wire.RD | Wire.AD | Wire.CD)) != 0 || counts >>> 1 != 0) {
            return null;
        }
        boolean edns = counts == 1;
        int name = start + Wire.HEADER;
        int at = name;
        long hash = NameIndex.start();
        while (at < end) {
            int label = query.getByte(at);
            if (label < 0 || label > MAX_LABEL || at + label >= end) {
                return null;
            }
            for (int stop = at + label; at <= stop; at++) {
                hash = NameIndex.step(hash, query.getByte(at));
            }
            if (label == 0) {
                break;
            }
        }
        int nameLength = at - name;
        int questionEnd = at + TYPE_AND_CLASS;
        if (nameLength > Wire.MAX_NAME
                || questionEnd + (edns ? Wire.OPT_LENGTH : 0) != end
                || query.getByte(at - 1) != 0
                || query.getUnsignedShort(at + 2) != DClass.IN) {
            return null;
        }
        int limit = via == Via.TCP ? Wire.MAX_MESSAGE : Query.PLAIN_PAYLOAD;
        boolean dnssecOk = false;
        if (edns) {
            long ttl = query.getUnsignedInt(questionEnd + 1 + Wire.RECORD_TTL);
            if (query.getByte(questionEnd) != 0
                    || query.getUnsignedShort(questionEnd + 1) != QueryType.OPT
                    || (ttl & ~Wire.OPT_DO) != 0
                    || query.getUnsignedShort(questionEnd + 1 + Wire.RECORD_RDLENGTH) != 0) {
                return null;
            }
            dnssecOk = ttl != 0;
            int size = query.getUnsignedShort(questionEnd + 1 + Wire.RECORD_CLASS);
            limit = via == Via.TCP ? limit : Math.clamp(size, Query.PLAIN_PAYLOAD, Query.EDNS_PAYLOAD);
        }
        int type = query.getUnsignedShort(at);
        if (type != QueryType.TYPE_A && type != QueryType.TYPE_AAAA) {
            return null;
        }
        Zone zone = serving.zone();
        Zone.Node node = zone.index.find(query, name, nameLength, hash);
        int room = limit - (questionEnd - start) - (edns ? Wire.OPT_LENGTH : 0);
        ByteBuf reply;
        if (node == null) {
            int apex = at - zone.apexWire.length;
            if (!isUnder(query, name, apex, zone)) {
                return null;
            }
            reply = begin(query, flags, questionEnd, edns, serving, 0, allocator, zone.soaBytes());
            writeSoa(reply, POINTER | apex - start, zone);
        } else {
            Rotation addresses = type == QueryType.TYPE_A ? node.v4() : node.v6();
            int size = addresses.size();
            int bytes = size == 0 ? 0 : size * (RECORD_BYTES + addresses.addressBytes());
            if (size == 0 || bytes > room) {
                return null;
            }
            reply = begin(query, flags, questionEnd, edns, serving, size, allocator, bytes);
            writeAddresses(reply, type, zone.ttlSeconds, addresses);
        }
        if (edns) {
            Wire.writeOpt(reply, dnssecOk);
        }
        return new Reply(reply, node == null ? Rcode.NXDOMAIN : Rcode.NOERROR);
    }

    /** Type of a query that {@link #answer} has answered. */
    static QueryType type(ByteBuf query) {
        boolean edns = query.getUnsignedShort(query.readerIndex() + Wire.ARCOUNT) == 1;
        int questionEnd = query.writerIndex() - (edns ? Wire.OPT_LENGTH : 0);
        return QueryType.of(query.getUnsignedShort(questionEnd - TYPE_AND_CLASS));
    }

    /** Whether the name ends with the zone's, at the beginning of a label. */
    private static boolean isUnder(ByteBuf query, int name, int apex, Zone zone) {
        int at = name;
        while (at < apex) {
            at += query.getByte(at) + 1;
        }
        return at == apex && apex > name && NameIndex.same(zone.apexWire, query, apex, zone.apexWire.length);
    }

    private static ByteBuf begin(
            ByteBuf query,
            int flags,
            int questionEnd,
            boolean edns,
            Serving serving,
            int answers,
            ByteBufAllocator allocator,
            int recordBytes) {
        int start = query.readerIndex();
        int question = questionEnd - start - Wire.HEADER;
        ByteBuf reply = allocator.directBuffer(Wire.HEADER + question + recordBytes + Wire.OPT_LENGTH);
        int recursion = serving.upstreams().isEmpty() ? 0 : Wire.RA;
        int rcode = answers == 0 ? Rcode.NXDOMAIN.value : 0;
        reply.writeShort(query.getShort(start + Wire.ID));
        reply.writeShort(Wire.QR | Wire.AA | flags & (Wire.RD | Wire.CD) | recursion | rcode);
        reply.writeShort(1).writeShort(answers).writeShort(answers == 0 ? 1 : 0).writeShort(edns ? 1 : 0);
        return reply.writeBytes(query, start + Wire.HEADER, question);
    }

    private static void writeAddresses(ByteBuf reply, int type, int ttlSeconds, Rotation addresses) {
        int turn = addresses.turn();
        for (int i = 0; i < addresses.size(); i++) {
            byte[] address = addresses.bytesAt(turn + i);
            reply.writeShort(POINTER | Wire.HEADER)
                    .writeShort(type)
                    .writeShort(DClass.IN)
                    .writeInt(ttlSeconds)
                    .writeShort(address.length)
                    .writeBytes(address);
        }
    }

    private static void writeSoa(ByteBuf reply, int apex, Zone zone) {
        reply.writeShort(apex)
                .writeShort(QueryType.TYPE_SOA)
                .writeShort(DClass.IN)
                .writeInt(zone.negativeTtlSeconds());
        reply.writeShort(zone.soaBytes() - RECORD_BYTES);
        reply.writeBytes(zone.serverWire).writeShort(apex);
        reply.writeBytes(zone.hostmasterWire).writeShort(apex);
        reply.writeBytes(zone.soaNumbers);
    }
}
