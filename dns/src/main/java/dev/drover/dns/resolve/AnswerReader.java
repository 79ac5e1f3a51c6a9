package dev.drover.dns.resolve;

import dev.drover.dns.wire.QueryType;
import dev.drover.dns.wire.Rcode;
import dev.drover.dns.wire.Wire;
import io.netty.buffer.ByteBuf;
import java.util.Arrays;

/**
 * Takes an answer out of a message that {@link ReplyCheck} called usable: TTLs bounded by the policy, the SOA of a
 * negative answer by its MINIMUM (RFC 2308 section 5), nothing from OPT on. Used once.
 */
final class AnswerReader {
    private static final int SECTIONS = 3;
    private static final int AUTHORITY = 1;
    /** MINIMUM is the last field of SOA (RFC 1035 section 3.3.13), behind four others of the same size. */
    private static final int SOA_NUMBERS = 5 * Integer.BYTES;

    private final Question question;
    private final ByteBuf message;
    private final CachePolicy policy;
    private final int start;
    private final int[] counts = new int[SECTIONS];
    private final int[] ttls;
    private final byte[] records;

    private int kept;
    private int length;
    private long ttlSeconds = Long.MAX_VALUE;
    private boolean positive;
    private boolean soa;

    private AnswerReader(Question question, ByteBuf message, CachePolicy policy) {
        this.question = question;
        this.message = message;
        this.policy = policy;
        this.start = Wire.HEADER + question.bytes.length;
        this.ttls = new int[count(Wire.ANCOUNT) + count(Wire.NSCOUNT) + count(Wire.ARCOUNT)];
        this.records = new byte[message.readableBytes() - start];
        message.getBytes(start, records);
    }

    /** @param buffer neither kept nor moved */
    static UpstreamAnswer read(Question question, ByteBuf buffer, CachePolicy policy, long nowNs) {
        AnswerReader reader = new AnswerReader(question, buffer.slice(), policy);
        reader.walk();
        return reader.answer(nowNs);
    }

    private int count(int field) {
        return message.getUnsignedShort(field);
    }

    private void walk() {
        int end = message.readableBytes();
        int at = start;
        for (int section = 0; section < SECTIONS; section++) {
            for (int i = count(Wire.ANCOUNT + 2 * section); i > 0; i--) {
                int nameEnd = Wire.skipName(message, at, end);
                int after = Wire.skipRecordBody(message, nameEnd, end);
                if (message.getUnsignedShort(nameEnd) == QueryType.OPT) {
                    return;
                }
                record(section, at - start, nameEnd - start, after - start);
                at = after;
            }
        }
    }

    private void record(int section, int owner, int body, int after) {
        int type = message.getUnsignedShort(start + body);
        long ttl = message.getUnsignedInt(start + body + Wire.RECORD_TTL);
        if (ttl > Integer.MAX_VALUE) {
            ttl = 0; // RFC 2181 section 8
        }
        if (section == AUTHORITY && type == QueryType.TYPE_SOA && after - body - Wire.RECORD_FIXED > SOA_NUMBERS) {
            soa = true;
            ttl = Math.min(ttl, message.getUnsignedInt(start + after - Integer.BYTES));
        }
        positive |= section == 0 && type == question.type();
        ttl = Math.clamp(ttl, policy.minTtlSeconds(), policy.maxTtlSeconds());
        putTtl(body + Wire.RECORD_TTL, (int) ttl);
        lowerOwner(owner, body - owner);
        ttlSeconds = Math.min(ttlSeconds, ttl);
        ttls[kept++] = body + Wire.RECORD_TTL;
        counts[section]++;
        length = after;
    }

    private void putTtl(int at, int ttl) {
        for (int i = 0; i < Integer.BYTES; i++) {
            records[at + i] = (byte) (ttl >>> Byte.SIZE * (Integer.BYTES - 1 - i));
        }
    }

    /** The case in which we asked, to see through forgers, is not for clients: owners that repeat it lose it. */
    private void lowerOwner(int owner, int ownerLength) {
        if (ownerLength != question.nameLength()) {
            return;
        }
        for (int i = 0; i < ownerLength; i++) {
            if (Question.lower(records[owner + i]) != question.bytes[i]) {
                return;
            }
        }
        System.arraycopy(question.bytes, 0, records, owner, ownerLength);
    }

    private UpstreamAnswer answer(long nowNs) {
        int flags = message.getUnsignedShort(Wire.FLAGS) & (Wire.AD | Wire.RCODE);
        return new UpstreamAnswer(
                question,
                flags,
                counts,
                length == records.length ? records : Arrays.copyOf(records, length),
                kept == ttls.length ? ttls : Arrays.copyOf(ttls, kept),
                keepSeconds(flags),
                nowNs);
    }

    /** Negative answers without SOA are not kept (RFC 2308 section 5), nor referrals. */
    private int keepSeconds(int flags) {
        boolean negative = (flags & Wire.RCODE) == Rcode.NXDOMAIN.value || !positive;
        if (kept == 0 || negative && !soa) {
            return 0;
        }
        return (int) (negative ? Math.min(ttlSeconds, policy.negativeTtlSeconds()) : ttlSeconds);
    }
}
