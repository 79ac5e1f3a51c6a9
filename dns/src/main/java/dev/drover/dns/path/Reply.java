package dev.drover.dns.path;

import dev.drover.dns.resolve.UpstreamAnswer;
import dev.drover.dns.wire.ExtendedError;
import dev.drover.dns.wire.Rcode;
import dev.drover.dns.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.Flags;
import org.xbill.DNS.HINFORecord;
import org.xbill.DNS.Header;
import org.xbill.DNS.Message;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;

/**
 * A finished message to the client.
 *
 * @param message owned by whoever holds the reply
 */
record Reply(ByteBuf message, Rcode rcode) {
    private static final int MINIMAL_ANY_TTL_SECONDS = 3_600;

    /** Twelve bytes for a query whose body cannot or need not be understood: ID, opcode and RD are echoed. */
    static Reply headerOnly(Query query, Rcode rcode) {
        ByteBuf message = Unpooled.buffer(Wire.HEADER);
        message.writeShort(query.id)
                .writeShort(Wire.QR | query.flags & (Wire.OPCODE | Wire.RD) | rcode.value)
                .writeLong(0);
        return new Reply(message, rcode);
    }

    /** A reply with the question and no records, not authoritative. */
    static Reply empty(Query query, Rcode rcode, boolean recursionAvailable) {
        return empty(query, rcode, recursionAvailable, null);
    }

    /** As {@link #empty(Query, Rcode, boolean)}, and why. */
    static Reply empty(Query query, Rcode rcode, boolean recursionAvailable, @Nullable ExtendedError why) {
        int flags = Wire.QR
                | query.flags & (Wire.RD | Wire.CD)
                | (recursionAvailable ? Wire.RA : 0)
                | rcode.value & Wire.RCODE;
        ByteBuf message = Unpooled.buffer(Wire.HEADER + query.question.length + query.optBytes(why));
        message.writeShort(query.id)
                .writeShort(flags)
                .writeShort(query.question.length == 0 ? 0 : 1)
                .writeShort(0)
                .writeShort(0)
                .writeShort(query.edns ? 1 : 0)
                .writeBytes(query.question);
        query.writeOpt(message, rcode, why);
        return new Reply(message, rcode);
    }

    /** A reply without records that asks the client to come back by TCP. */
    static Reply truncated(Query query, boolean recursionAvailable) {
        Reply reply = empty(query, Rcode.NOERROR, recursionAvailable);
        reply.message.setShort(Wire.FLAGS, reply.message.getUnsignedShort(Wire.FLAGS) | Wire.TC);
        return reply;
    }

    /** To ANY of a name that is not ours: one record that says so (RFC 8482 section 4.2). */
    static Reply minimalAny(Query query) {
        Record hinfo = new HINFORecord(query.name, query.dclass, MINIMAL_ANY_TTL_SECONDS, "RFC8482", "");
        Message message = new Message(query.id);
        message.addRecord(hinfo, Section.ANSWER);
        return encode(query, Rcode.NOERROR, true, message);
    }

    /** What an upstream answered, now or some time ago. */
    static Reply of(Query query, UpstreamAnswer answer, Via via, long nowNs, @Nullable ExtendedError why) {
        // AD is for those who show that they know it (RFC 6840 section 5.8).
        int flags = query.flags & (Wire.RD | Wire.CD | Wire.AD) | (query.dnssecOk ? Wire.AD : 0);
        ByteBuf message = answer.message(
                query.id, flags, query.question, query.question.length, query.limit(via), query.optBytes(why), nowNs);
        query.writeOpt(message, answer.rcode(), why);
        return new Reply(message, answer.rcode());
    }

    int length() {
        return message.readableBytes();
    }

    /** The message with header, question and EDNS as the query wants them. */
    static Reply encode(Query query, Rcode rcode, boolean recursionAvailable, Message message) {
        Header header = message.getHeader();
        header.setFlag(Flags.QR);
        set(header, Flags.RD, query.flag(Wire.RD));
        set(header, Flags.RA, recursionAvailable);
        set(header, Flags.CD, query.flag(Wire.CD));
        header.setRcode(rcode.value);
        message.addRecord(Record.newRecord(query.name, query.type, query.dclass), Section.QUESTION);
        byte[] records = message.toWire();
        ByteBuf wire = Unpooled.buffer(records.length + query.optBytes(null)).writeBytes(records);
        if (query.edns) {
            wire.setShort(Wire.ARCOUNT, wire.getUnsignedShort(Wire.ARCOUNT) + 1);
            query.writeOpt(wire, rcode, null);
        }
        return new Reply(wire, rcode);
    }

    private static void set(Header header, int flag, boolean on) {
        if (on) {
            header.setFlag(flag);
        }
    }
}
