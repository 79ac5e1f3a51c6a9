package dev.drover.dns.path;

import dev.drover.dns.wire.Rcode;
import dev.drover.dns.wire.Wire;
import java.util.List;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;

/** Puts an authoritative reply together so that it fits: whole records, those that were not asked for dropped first. */
final class ReplyBuilder {
    /** No message holds more, however short they are. */
    private static final int MAX_RECORDS = Wire.MAX_MESSAGE / (2 + Wire.RECORD_FIXED);

    private final Query query;
    private final Rcode rcode;
    private final boolean recursionAvailable;
    private List<? extends Record> answer = List.of();
    private List<? extends Record> authority = List.of();
    private List<? extends Record> additional = List.of();
    private boolean truncated;

    ReplyBuilder(Query query, Rcode rcode, boolean recursionAvailable) {
        this.query = query;
        this.rcode = rcode;
        this.recursionAvailable = recursionAvailable;
    }

    ReplyBuilder answer(List<? extends Record> records) {
        answer = records;
        return this;
    }

    ReplyBuilder authority(List<? extends Record> records) {
        authority = records;
        return this;
    }

    ReplyBuilder additional(List<? extends Record> records) {
        additional = records;
        return this;
    }

    ReplyBuilder truncated(boolean flag) {
        truncated = flag;
        return this;
    }

    /**
     * The reply in at most {@code limit} bytes. Records of the answer that are left out set TC, but not over TCP: there is
     * no larger message to come back for, a part of the set is the best there is.
     */
    Reply fit(int limit) {
        if (answer.size() > MAX_RECORDS) {
            answer = answer.subList(0, MAX_RECORDS);
            truncated |= limit < Wire.MAX_MESSAGE;
        }
        Reply reply = encode();
        if (reply.length() > limit && !additional.isEmpty()) {
            additional = List.of();
            reply = replace(reply);
        }
        while (reply.length() > limit && !answer.isEmpty()) {
            int some = (int) ((long) answer.size() * limit / reply.length());
            answer = answer.subList(0, Math.min(some, answer.size() - 1));
            truncated |= limit < Wire.MAX_MESSAGE;
            reply = replace(reply);
        }
        return reply;
    }

    private Reply replace(Reply former) {
        former.message().release();
        return encode();
    }

    private Reply encode() {
        Message message = new Message(query.id);
        message.getHeader().setFlag(Flags.AA);
        if (truncated) {
            message.getHeader().setFlag(Flags.TC);
        }
        answer.forEach(record -> message.addRecord(record, Section.ANSWER));
        authority.forEach(record -> message.addRecord(record, Section.AUTHORITY));
        additional.forEach(record -> message.addRecord(record, Section.ADDITIONAL));
        return Reply.encode(query, rcode, recursionAvailable, message);
    }
}
