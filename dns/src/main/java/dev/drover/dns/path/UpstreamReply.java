package dev.drover.dns.path;

import dev.drover.dns.wire.QueryType;
import dev.drover.dns.wire.Rcode;
import dev.drover.dns.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;

/**
 * What an upstream sent back: is it the reply to our question, and what does the client get of it. Records, their TTLs
 * and their order stay as they came; ID, the case of the question and the OPT record are the client's.
 */
final class UpstreamReply {
    /** Use of a message that arrived on the socket of a query. */
    enum Verdict {
        /** A usable answer, also NXDOMAIN. */
        USE,
        /** Ask again over TCP. */
        TRUNCATED,
        /** The upstream cannot or will not answer this. */
        REFUSED,
        /** The upstream does not understand; perhaps it does without EDNS. */
        NOT_UNDERSTOOD,
        /** Not the reply to this query, or damaged: keep waiting for the true one. */
        MISMATCH
    }

    private static final int TYPE_AND_CLASS = 4;

    private UpstreamReply() {}

    /** Judges {@code buffer}, moving no index. */
    static Verdict judge(ByteBuf buffer, Query query, int id) {
        ByteBuf message = buffer.slice();
        int end = message.readableBytes();
        if (end < Wire.HEADER || message.getUnsignedShort(Wire.ID) != id) {
            return Verdict.MISMATCH;
        }
        int flags = message.getUnsignedShort(Wire.FLAGS);
        if ((flags & (Wire.QR | Wire.OPCODE)) != Wire.QR) {
            return Verdict.MISMATCH;
        }
        int rcode = flags & Wire.RCODE;
        boolean bareError = rcode != 0 && message.getUnsignedShort(Wire.QDCOUNT) == 0;
        if (!bareError && !asksTheSame(message, end, query)) {
            return Verdict.MISMATCH;
        }
        return switch (Rcode.of(rcode)) {
            case FORMERR, NOTIMP -> Verdict.NOT_UNDERSTOOD;
            case NOERROR, NXDOMAIN -> {
                if (bareError) {
                    yield Verdict.REFUSED;
                }
                if ((flags & Wire.TC) != 0) {
                    yield Verdict.TRUNCATED;
                }
                yield judgeBody(message, end, query);
            }
            default -> Verdict.REFUSED;
        };
    }

    private static Verdict judgeBody(ByteBuf message, int end, Query query) {
        int records = message.getUnsignedShort(Wire.ANCOUNT)
                + message.getUnsignedShort(Wire.NSCOUNT)
                + message.getUnsignedShort(Wire.ARCOUNT);
        int at = Wire.HEADER + query.question.length;
        for (int i = 0; i < records; i++) {
            int nameEnd = Wire.skipName(message, at, end);
            int after = Wire.skipRecordBody(message, nameEnd, end);
            if (after < 0) {
                return Verdict.MISMATCH;
            }
            boolean extendedRcode = message.getUnsignedShort(nameEnd) == QueryType.OPT
                    && message.getUnsignedByte(nameEnd + Wire.RECORD_TTL) != 0;
            if (extendedRcode) {
                return Verdict.NOT_UNDERSTOOD;
            }
            at = after;
        }
        return Verdict.USE;
    }

    /** The same question; letters of the name may differ in case, for upstreams that do not keep it. */
    private static boolean asksTheSame(ByteBuf message, int end, Query query) {
        byte[] question = query.question;
        if (message.getUnsignedShort(Wire.QDCOUNT) != 1 || Wire.HEADER + question.length > end) {
            return false;
        }
        int nameLength = question.length - TYPE_AND_CLASS;
        for (int i = 0; i < question.length; i++) {
            byte theirs = message.getByte(Wire.HEADER + i);
            boolean same = theirs == question[i] || i < nameLength && lower(theirs) == lower(question[i]);
            if (!same) {
                return false;
            }
        }
        return true;
    }

    private static int lower(byte b) {
        return b >= 'A' && b <= 'Z' ? b + ('a' - 'A') : b;
    }

    /**
     * The client's message: as many whole records as fit {@code limit}, TC if answer or authority lost any. What stands
     * at or behind the upstream's OPT record is left out.
     *
     * @param buffer judged {@link Verdict#USE} before
     */
    static Reply toClient(ByteBuf buffer, Query query, Via via) {
        ByteBuf message = buffer.slice();
        int end = message.readableBytes();
        int room = query.limit(via) - (query.edns ? Wire.OPT_LENGTH : 0);
        int start = Wire.HEADER + query.question.length;
        int at = start;
        int[] kept = new int[3];
        boolean full = false;
        boolean truncated = false;
        for (int section = 0; section < kept.length && !full; section++) {
            int count = message.getUnsignedShort(Wire.ANCOUNT + 2 * section);
            boolean additional = section == kept.length - 1;
            while (kept[section] < count && !full) {
                int nameEnd = Wire.skipName(message, at, end);
                int after = Wire.skipRecordBody(message, nameEnd, end);
                boolean opt = message.getUnsignedShort(nameEnd) == QueryType.OPT;
                if (opt || after > room) {
                    full = true;
                    truncated = !additional;
                } else {
                    kept[section]++;
                    at = after;
                }
            }
        }
        int theirs = message.getUnsignedShort(Wire.FLAGS) & (Wire.AA | Wire.RA | Wire.AD | Wire.RCODE);
        int flags = Wire.QR | theirs | query.flags & (Wire.RD | Wire.CD) | (truncated ? Wire.TC : 0);
        ByteBuf out = Unpooled.buffer(at + Wire.OPT_LENGTH);
        out.writeShort(query.id)
                .writeShort(flags)
                .writeShort(1)
                .writeShort(kept[0])
                .writeShort(kept[1])
                .writeShort(kept[2] + (query.edns ? 1 : 0))
                .writeBytes(query.question)
                .writeBytes(message, start, at - start);
        if (query.edns) {
            Wire.writeOpt(out, query.dnssecOk);
        }
        return new Reply(out, Rcode.of(theirs & Wire.RCODE));
    }
}
