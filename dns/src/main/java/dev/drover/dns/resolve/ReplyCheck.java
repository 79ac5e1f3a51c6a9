package dev.drover.dns.resolve;

import dev.drover.dns.wire.QueryType;
import dev.drover.dns.wire.Rcode;
import dev.drover.dns.wire.Wire;
import io.netty.buffer.ByteBuf;
import java.util.Arrays;

/** Is a message the reply to what we asked, and of what use is it? */
final class ReplyCheck {
    /** Use of a message that arrived on the socket of a try. */
    enum Verdict {
        /** A usable answer, also NXDOMAIN. */
        USE,
        /** Ask again over TCP. */
        TRUNCATED,
        /** The upstream cannot or will not answer this. */
        REFUSED,
        /** The upstream does not understand; perhaps it does without EDNS. */
        NOT_UNDERSTOOD,
        /** The reply but for the case of letters: forged, or the upstream does not keep it; TCP will tell. */
        OTHER_CASE,
        /** Not the reply to this query, or damaged: keep waiting for the true one. */
        MISMATCH
    }

    private ReplyCheck() {}

    /**
     * Judges {@code buffer}, moving no index.
     *
     * @param sent question as sent: name, type and class
     * @param caseMatters whether letters of the name must be of the case they were sent in
     */
    static Verdict judge(ByteBuf buffer, byte[] sent, int id, boolean caseMatters) {
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
        if (!bareError) {
            if (message.getUnsignedShort(Wire.QDCOUNT) != 1 || Wire.HEADER + sent.length > end) {
                return Verdict.MISMATCH;
            }
            byte[] theirs = question(message, sent.length);
            if (!Question.sameName(theirs, sent)) {
                return Verdict.MISMATCH;
            }
            if (caseMatters && !Arrays.equals(theirs, sent)) {
                return Verdict.OTHER_CASE;
            }
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
                yield judgeRecords(message, Wire.HEADER + sent.length, end);
            }
            default -> Verdict.REFUSED;
        };
    }

    /** The first {@code length} bytes behind the header. */
    static byte[] question(ByteBuf message, int length) {
        byte[] question = new byte[length];
        message.getBytes(message.readerIndex() + Wire.HEADER, question);
        return question;
    }

    private static Verdict judgeRecords(ByteBuf message, int start, int end) {
        int records = message.getUnsignedShort(Wire.ANCOUNT)
                + message.getUnsignedShort(Wire.NSCOUNT)
                + message.getUnsignedShort(Wire.ARCOUNT);
        int at = start;
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
}
