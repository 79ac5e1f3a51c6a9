package dev.drover.dns.path;

import dev.drover.dns.wire.QueryType;
import dev.drover.dns.wire.Rcode;
import dev.drover.dns.wire.Wire;
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
 * end. One object a lane, used again for each query.
 */
final class PlainQuestion {
    private static final int MAX_LABEL = 63;
    private static final int TYPE_AND_CLASS = 4;
    private static final int POINTER = 0xc000;
    /** Pointer to the owner, type, class, TTL and length. */
    private static final int RECORD_BYTES = 12;

    private static final long ONE_QUESTION = 1L << 48;

    private int start;
    private int flags;
    private int name;
    private int nameEnd;
    private long hash;
    private int type;
    private boolean edns;
    private boolean dnssecOk;
    private int limit;

    /**
     * The reply, or null when the query is not of that kind.
     *
     * @param query neither consumed nor kept
     */
    @Nullable
    Reply answer(ByteBuf query, Serving serving, Via via) {
        if (!header(query) || !name(query) || !question(query) || !options(query, via)) {
            return null;
        }
        Zone zone = serving.zone();
        Zone.Node node = zone.index.find(query, name, nameEnd - name, hash);
        ByteBuf reply = node == null ? absent(query, serving) : addresses(query, serving, node);
        if (reply == null) {
            return null;
        }
        if (edns) {
            Wire.writeOpt(reply, dnssecOk);
        }
        return new Reply(reply, node == null ? Rcode.NXDOMAIN : Rcode.NOERROR);
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

    private boolean name(ByteBuf query) {
        name = start + Wire.HEADER;
        hash = NameIndex.start();
        int end = query.writerIndex();
        int at = name;
        while (at < end) {
            int label = query.getByte(at);
            if (label < 0 || label > MAX_LABEL || at + label >= end) {
                return false;
            }
            for (int stop = at + label; at <= stop; at++) {
                hash = NameIndex.step(hash, query.getByte(at));
            }
            if (label == 0) {
                nameEnd = at;
                return nameEnd - name <= Wire.MAX_NAME;
            }
        }
        return false;
    }

    private boolean question(ByteBuf query) {
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

    private @Nullable ByteBuf absent(ByteBuf query, Serving serving) {
        Zone zone = serving.zone();
        int apex = nameEnd - zone.apexWire.length;
        if (!isUnder(query, apex, zone)) {
            return null;
        }
        ByteBuf reply = begin(query, serving, Rcode.NXDOMAIN, 0, zone.soaBytes());
        int pointer = POINTER | apex - start;
        reply.writeShort(pointer)
                .writeShort(QueryType.TYPE_SOA)
                .writeShort(DClass.IN)
                .writeInt(zone.negativeTtlSeconds())
                .writeShort(zone.soaBytes() - RECORD_BYTES);
        reply.writeBytes(zone.serverWire).writeShort(pointer);
        reply.writeBytes(zone.hostmasterWire).writeShort(pointer);
        return reply.writeBytes(zone.soaNumbers);
    }

    /** Whether the name ends with the zone's, at the beginning of a label. */
    private boolean isUnder(ByteBuf query, int apex, Zone zone) {
        int at = name;
        while (at < apex) {
            at += query.getByte(at) + 1;
        }
        return at == apex && apex > name && NameIndex.same(zone.apexWire, query, apex, zone.apexWire.length);
    }

    private @Nullable ByteBuf addresses(ByteBuf query, Serving serving, Zone.Node node) {
        Rotation addresses = type == QueryType.TYPE_A ? node.v4() : node.v6();
        int size = addresses.size();
        int bytes = size == 0 ? 0 : size * (RECORD_BYTES + addresses.addressBytes());
        int fixed = nameEnd + TYPE_AND_CLASS - start + (edns ? Wire.OPT_LENGTH : 0);
        if (size == 0 || bytes > limit - fixed) {
            return null;
        }
        ByteBuf reply = begin(query, serving, Rcode.NOERROR, size, bytes);
        int turn = addresses.turn();
        for (int i = 0; i < size; i++) {
            byte[] address = addresses.bytesAt(turn + i);
            reply.writeShort(POINTER | Wire.HEADER)
                    .writeShort(type)
                    .writeShort(DClass.IN)
                    .writeInt(serving.zone().ttlSeconds)
                    .writeShort(address.length)
                    .writeBytes(address);
        }
        return reply;
    }

    /** Header and question, with room for the rest. */
    private ByteBuf begin(ByteBuf query, Serving serving, Rcode rcode, int answers, int recordBytes) {
        int question = nameEnd + TYPE_AND_CLASS - name;
        int recursion = serving.recursion() ? Wire.RA : 0;
        ByteBuf reply = ByteBufAllocator.DEFAULT.directBuffer(Wire.HEADER + question + recordBytes + Wire.OPT_LENGTH);
        reply.writeShort(query.getShort(start + Wire.ID));
        reply.writeShort(Wire.QR | Wire.AA | flags & (Wire.RD | Wire.CD) | recursion | rcode.value);
        reply.writeShort(1).writeShort(answers).writeShort(answers == 0 ? 1 : 0).writeShort(edns ? 1 : 0);
        return reply.writeBytes(query, name, question);
    }
}
