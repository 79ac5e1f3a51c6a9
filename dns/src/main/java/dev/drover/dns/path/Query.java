package dev.drover.dns.path;

import dev.drover.dns.wire.ExtendedError;
import dev.drover.dns.wire.QueryType;
import dev.drover.dns.wire.Rcode;
import dev.drover.dns.wire.Wire;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.Name;

/**
 * A query as far as it concerns the reply. Parsing never fails: what is wrong with the message is its {@link #verdict}.
 * As Unbound does, a query with answers, or with more records than EDNS, TSIG and IXFR need, is malformed; so there is
 * little to parse in any message, however long.
 */
final class Query {
    /** What to do with it. */
    enum Verdict {
        ANSWER,
        DROP_SHORT,
        DROP_RESPONSE,
        FORMERR,
        NOTIMP,
        BADVERS,
        /** No question, but a cookie to be answered (RFC 7873 section 5.4). */
        COOKIE_ONLY
    }

    /** No query of use is longer; longer ones are refused. */
    static final int MAX_LENGTH = 4096;

    private static final int MAX_ADDITIONAL = 2;
    private static final int KEEPALIVE_UNIT_MS = 100;
    private static final byte[] NO_QUESTION = new byte[0];

    final Verdict verdict;
    final int id;
    /** The second 16 bits of the header. */
    final int flags;
    /** Owner name in the case of the asker; root when there is no usable question. */
    final Name name;

    final int type;
    final int dclass;
    final boolean edns;
    final boolean dnssecOk;
    /** Name, type and class as asked; empty when there is no usable question. */
    final byte[] question;

    /** The client's part, perhaps with a server's; null when there is none (RFC 7873). */
    final byte @Nullable [] cookie;

    private final int payload;
    private final boolean keepalive;
    private byte @Nullable [] replyCookie;
    private int keepaliveUnits = -1;

    private Query(Verdict verdict, int id, int flags) {
        this(verdict, id, flags, Name.root, 0, 0, NO_QUESTION, Opt.ABSENT);
    }

    private Query(Verdict verdict, int id, int flags, Name name, int type, int dclass, byte[] question, Opt opt) {
        this.verdict = verdict;
        this.id = id;
        this.flags = flags;
        this.name = name;
        this.type = type;
        this.dclass = dclass;
        this.question = question;
        this.edns = opt.present;
        this.dnssecOk = opt.dnssecOk;
        this.payload = opt.payload;
        this.cookie = opt.cookie;
        this.keepalive = opt.keepalive;
    }

    /** Reads the message between the reader and writer index, moving neither. */
    static Query parse(ByteBuf buffer) {
        ByteBuf message = buffer.slice();
        int end = message.readableBytes();
        if (end < Wire.HEADER) {
            return new Query(Verdict.DROP_SHORT, 0, 0);
        }
        int id = message.getUnsignedShort(Wire.ID);
        int flags = message.getUnsignedShort(Wire.FLAGS);
        if ((flags & Wire.QR) != 0) {
            return new Query(Verdict.DROP_RESPONSE, id, flags);
        }
        if ((flags & Wire.OPCODE) != 0) {
            return new Query(Verdict.NOTIMP, id, flags);
        }
        int additional = message.getUnsignedShort(Wire.ARCOUNT);
        int authority = message.getUnsignedShort(Wire.NSCOUNT);
        if (message.getUnsignedShort(Wire.QDCOUNT) == 0
                && message.getUnsignedShort(Wire.ANCOUNT) == 0
                && authority == 0
                && additional == 1) {
            Opt opt = Opt.find(message, Wire.HEADER, end, 0, 1);
            return opt == null || opt.cookie == null || opt.version != 0
                    ? new Query(Verdict.FORMERR, id, flags)
                    : new Query(Verdict.COOKIE_ONLY, id, flags, Name.root, 0, 0, NO_QUESTION, opt);
        }
        if (end > MAX_LENGTH
                || message.getUnsignedShort(Wire.QDCOUNT) != 1
                || message.getUnsignedShort(Wire.ANCOUNT) != 0
                || authority > 1
                || additional > MAX_ADDITIONAL) {
            return new Query(Verdict.FORMERR, id, flags);
        }
        int nameEnd = Wire.skipPlainName(message, Wire.HEADER, end);
        if (nameEnd < 0 || nameEnd + 4 > end) {
            return new Query(Verdict.FORMERR, id, flags);
        }
        Opt opt = Opt.find(message, nameEnd + 4, end, authority, additional);
        if (opt == null) {
            return new Query(Verdict.FORMERR, id, flags);
        }
        byte[] question = new byte[nameEnd + 4 - Wire.HEADER];
        message.getBytes(Wire.HEADER, question);
        return new Query(
                opt.version == 0 ? Verdict.ANSWER : Verdict.BADVERS,
                id,
                flags,
                name(question),
                message.getUnsignedShort(nameEnd),
                message.getUnsignedShort(nameEnd + 2),
                question,
                opt);
    }

    /** The same question about another name. */
    Query about(Name other) {
        byte[] owner = other.toWire();
        byte[] asked = Arrays.copyOf(owner, owner.length + 4);
        System.arraycopy(question, question.length - 4, asked, owner.length, 4);
        return new Query(
                verdict, id, flags, other, type, dclass, asked, new Opt(edns, 0, payload, dnssecOk, null, false));
    }

    /** Longest reply that may be sent, in bytes. */
    int limit(Via via) {
        return via == Via.TCP ? Wire.MAX_MESSAGE : payload;
    }

    /** Sets the cookie of the reply, {@value Cookies#WHOLE} bytes. */
    void replyCookie(byte[] whole) {
        replyCookie = whole;
    }

    /** Tells the client, if it asked, how long a connection may be idle (RFC 7828). */
    void keepConnection(int idleMs) {
        if (keepalive) {
            keepaliveUnits = idleMs / KEEPALIVE_UNIT_MS;
        }
    }

    /** Room that OPT takes in the reply, in bytes. */
    int optBytes(@Nullable ExtendedError why) {
        return edns ? Wire.OPT_LENGTH + optionBytes(why) : 0;
    }

    private int optionBytes(@Nullable ExtendedError why) {
        return (replyCookie == null ? 0 : Wire.OPTION_HEADER + replyCookie.length)
                + (keepaliveUnits < 0 ? 0 : Wire.OPTION_HEADER + Short.BYTES)
                + (why == null ? 0 : why.bytes());
    }

    /** Writes the OPT record of the reply, if the client sent one. */
    void writeOpt(ByteBuf out, Rcode rcode, @Nullable ExtendedError why) {
        if (!edns) {
            return;
        }
        Wire.writeOpt(out, rcode.value >> Wire.RCODE_BITS, dnssecOk, optionBytes(why));
        if (replyCookie != null) {
            out.writeShort(Wire.OPTION_COOKIE).writeShort(replyCookie.length).writeBytes(replyCookie);
        }
        if (keepaliveUnits >= 0) {
            out.writeShort(Wire.OPTION_KEEPALIVE).writeShort(Short.BYTES).writeShort(keepaliveUnits);
        }
        if (why != null) {
            why.writeTo(out);
        }
    }

    boolean flag(int flag) {
        return (flags & flag) != 0;
    }

    private static Name name(byte[] question) {
        try {
            return new Name(question);
        } catch (IOException e) {
            throw new IllegalStateException("name was checked before", e);
        }
    }

    /** The OPT record (RFC 6891): at most one, in the additional section, owned by the root. */
    @SuppressWarnings("ArrayRecordComponent") // nobody compares them
    private record Opt(
            boolean present, int version, int payload, boolean dnssecOk, byte @Nullable [] cookie, boolean keepalive) {
        static final Opt ABSENT = new Opt(false, 0, Wire.PLAIN_PAYLOAD, false, null, false);

        private static final int MIN_SERVER_COOKIE = 8;
        private static final int MAX_SERVER_COOKIE = 32;

        /** Walks the records behind the question; null if anything is malformed. */
        static @Nullable Opt find(ByteBuf message, int start, int end, int authority, int additional) {
            Opt opt = ABSENT;
            int at = start;
            for (int i = 0; i < authority + additional; i++) {
                int nameEnd = Wire.skipName(message, at, end);
                int after = Wire.skipRecordBody(message, nameEnd, end);
                if (after < 0) {
                    return null;
                }
                if (message.getUnsignedShort(nameEnd) == QueryType.OPT) {
                    if (i < authority
                            || opt.present
                            || nameEnd != at + 1
                            || !Wire.optionsAreWhole(message, nameEnd + Wire.RECORD_FIXED, after)) {
                        return null;
                    }
                    opt = read(message, nameEnd, after);
                    if (opt == null) {
                        return null;
                    }
                }
                at = after;
            }
            return at == end ? opt : null;
        }

        /** Options that we do not know are ignored (RFC 6891 section 6.1.2); null for a cookie of a bad length. */
        private static @Nullable Opt read(ByteBuf message, int nameEnd, int end) {
            int size = message.getUnsignedShort(nameEnd + Wire.RECORD_CLASS);
            long ttl = message.getUnsignedInt(nameEnd + Wire.RECORD_TTL);
            byte[] cookie = null;
            boolean keepalive = false;
            int at = nameEnd + Wire.RECORD_FIXED;
            while (at < end) {
                int code = message.getUnsignedShort(at);
                int length = message.getUnsignedShort(at + Short.BYTES);
                at += Wire.OPTION_HEADER;
                if (code == Wire.OPTION_COOKIE && cookie == null) { // only the first counts, RFC 7873 section 5.2
                    int server = length - Cookies.CLIENT;
                    if (server != 0 && (server < MIN_SERVER_COOKIE || server > MAX_SERVER_COOKIE)) {
                        return null;
                    }
                    cookie = new byte[length];
                    message.getBytes(at, cookie);
                }
                keepalive |= code == Wire.OPTION_KEEPALIVE;
                at += length;
            }
            return new Opt(
                    true,
                    (int) (ttl >>> 16 & 0xff),
                    Math.clamp(size, Wire.PLAIN_PAYLOAD, Wire.EDNS_PAYLOAD),
                    (ttl & Wire.OPT_DO) != 0,
                    cookie,
                    keepalive);
        }
    }
}
