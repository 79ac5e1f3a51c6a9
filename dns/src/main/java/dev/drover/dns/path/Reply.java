package dev.drover.dns.path;

import dev.drover.dns.wire.Rcode;
import dev.drover.dns.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.List;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Header;
import org.xbill.DNS.Message;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;

/**
 * A finished message to the client.
 *
 * @param message owned by whoever holds the reply
 */
record Reply(ByteBuf message, Rcode rcode) {
    private static final int BADVERS_EXTENDED = 1;

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
        return encode(query, rcode, recursionAvailable, new Message(query.id));
    }

    /** An authoritative reply; the caller has made sure that it fits. */
    static Reply of(
            Query query,
            Rcode rcode,
            boolean recursionAvailable,
            boolean truncated,
            List<Record> answer,
            List<Record> authority) {
        Message message = new Message(query.id);
        message.getHeader().setFlag(Flags.AA);
        set(message.getHeader(), Flags.TC, truncated);
        answer.forEach(record -> message.addRecord(record, Section.ANSWER));
        authority.forEach(record -> message.addRecord(record, Section.AUTHORITY));
        return encode(query, rcode, recursionAvailable, message);
    }

    private static Reply encode(Query query, Rcode rcode, boolean recursionAvailable, Message message) {
        Header header = message.getHeader();
        header.setFlag(Flags.QR);
        set(header, Flags.RD, query.flag(Wire.RD));
        set(header, Flags.RA, recursionAvailable);
        set(header, Flags.CD, query.flag(Wire.CD));
        header.setRcode(rcode.value & Wire.RCODE);
        message.addRecord(Record.newRecord(query.name, query.type, query.dclass), Section.QUESTION);
        if (query.edns) {
            int extended = rcode == Rcode.BADVERS ? BADVERS_EXTENDED : 0;
            int flags = query.dnssecOk ? Wire.OPT_DO : 0;
            message.addRecord(new OPTRecord(Wire.EDNS_PAYLOAD, extended, 0, flags), Section.ADDITIONAL);
        }
        return new Reply(Unpooled.wrappedBuffer(message.toWire()), rcode);
    }

    private static void set(Header header, int flag, boolean on) {
        if (on) {
            header.setFlag(flag);
        }
    }
}
