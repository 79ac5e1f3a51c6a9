package dev.drover.dns.resolve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dns.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.CNAMERecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/** What is kept of an upstream's answer, for how long, and what becomes of it on the way to a client. */
final class AnswerCacheTest {
    private static final long SECOND = 1_000_000_000L;
    private static final CachePolicy POLICY = new CachePolicy(1 << 20, 0, 1_000, 60, 100, true);
    private static final Name NAME = Name.fromConstantString("www.example.com.");

    private final AnswerCache cache = new AnswerCache(POLICY);

    private static byte[] asked(String name) {
        return Arrays.copyOfRange(
                Message.newQuery(Record.newRecord(Name.fromConstantString(name), Type.A, DClass.IN))
                        .toWire(),
                Wire.HEADER,
                Wire.HEADER + Name.fromConstantString(name).length() + 4);
    }

    private static Message message(String name, int rcode) {
        Message message = new Message(7);
        message.getHeader().setFlag(Flags.QR);
        message.getHeader().setRcode(rcode);
        message.addRecord(Record.newRecord(Name.fromConstantString(name), Type.A, DClass.IN), Section.QUESTION);
        return message;
    }

    private static Record address(Name owner, int ttl, int last) {
        return new ARecord(owner, DClass.IN, ttl, InetAddress.ofLiteral("192.0.2." + last));
    }

    private static Record soa(int ttl, int minimum) {
        Name zone = Name.fromConstantString("example.com.");
        return new SOARecord(zone, DClass.IN, ttl, zone, zone, 1, 1, 1, 1, minimum);
    }

    private static UpstreamAnswer read(Message message, CachePolicy policy) {
        byte[] wire = message.toWire();
        byte[] asked = Arrays.copyOfRange(
                wire, Wire.HEADER, Wire.HEADER + message.getQuestion().getName().length() + 4);
        return AnswerReader.read(new Question(asked, false, false), Unpooled.wrappedBuffer(wire), policy, 0);
    }

    private @Nullable UpstreamAnswer find(String name, long nowNs) {
        return cache.find(asked(name), false, false, nowNs);
    }

    private static Message toClient(UpstreamAnswer answer, String name, int limit, long nowNs) throws IOException {
        ByteBuf message = answer.message(99, Wire.RD, asked(name), asked(name).length, limit, 0, nowNs);
        try {
            byte[] bytes = new byte[message.readableBytes()];
            message.readBytes(bytes);
            assertThat(bytes.length).isLessThanOrEqualTo(limit);
            return new Message(bytes);
        } finally {
            message.release();
        }
    }

    @Test
    void ttlsCountDownAndAreThirtySecondsWhenOver() throws IOException {
        Message reply = message("www.example.com.", Rcode.NOERROR);
        Name target = Name.fromConstantString("cdn.example.net.");
        reply.addRecord(new CNAMERecord(NAME, DClass.IN, 300, target), Section.ANSWER);
        reply.addRecord(address(target, 20, 1), Section.ANSWER);
        cache.store(read(reply, POLICY));

        UpstreamAnswer answer = find("WWW.Example.COM.", 7 * SECOND);
        Message seen = toClient(answer, "WWW.Example.COM.", 512, 7 * SECOND);
        assertThat(seen.getHeader().getID()).isEqualTo(99);
        assertThat(seen.getQuestion().getName()).hasToString("WWW.Example.COM.");
        assertThat(seen.getSection(Section.ANSWER)).extracting(Record::getTTL).containsExactly(293L, 13L);
        assertThat(seen.getSection(Section.ANSWER).getFirst().getName()).hasToString("WWW.Example.COM.");
        assertThat(answer.isFresh(19 * SECOND)).isTrue();
        assertThat(answer.isFresh(20 * SECOND)).isFalse();
        Message late = toClient(find("www.example.com.", 50 * SECOND), "www.example.com.", 512, 50 * SECOND);
        assertThat(late.getSection(Section.ANSWER)).extracting(Record::getTTL).containsOnly(30L);
        assertThat(find("www.example.com.", 120 * SECOND)).isNull();
    }

    /** rcode, TTL of the SOA, its MINIMUM, how long the answer is kept. */
    @ParameterizedTest
    @CsvSource({"NXDOMAIN, 40, 30, 30", "NXDOMAIN, 20, 30, 20", "NOERROR, 40, 30, 30", "NXDOMAIN, 900, 900, 60"})
    void negativeAnswersAreKeptAsTheSoaSaysAndCapped(String rcode, int ttl, int minimum, int kept) {
        Message reply = message("www.example.com.", Rcode.value(rcode));
        reply.addRecord(soa(ttl, minimum), Section.AUTHORITY);
        assertThat(read(reply, POLICY).ttlSeconds).isEqualTo(kept);
    }

    @Test
    void theTtlOfTheSoaInANegativeAnswerIsItsMinimum() throws IOException {
        Message reply = message("www.example.com.", Rcode.NXDOMAIN);
        reply.addRecord(soa(900, 25), Section.AUTHORITY);
        Message seen = toClient(read(reply, POLICY), "www.example.com.", 512, 5 * SECOND);
        assertThat(seen.getRcode()).isEqualTo(Rcode.NXDOMAIN);
        assertThat(seen.getSection(Section.AUTHORITY).getFirst().getTTL()).isEqualTo(20);
    }

    @Test
    void negativeAnswersWithoutSoaAreNotKept() {
        assertThat(read(message("www.example.com.", Rcode.NXDOMAIN), POLICY).ttlSeconds)
                .isZero();
        Message cname = message("www.example.com.", Rcode.NOERROR);
        cname.addRecord(new CNAMERecord(NAME, DClass.IN, 300, Name.fromConstantString("x.example.")), Section.ANSWER);
        assertThat(read(cname, POLICY).ttlSeconds).isZero();
    }

    /** TTL of the record, how long it is kept by a policy of at least 5 and at most 50 seconds. */
    @ParameterizedTest
    @CsvSource({"0, 5", "5, 5", "20, 20", "90, 50", "2147483648, 5"})
    void ttlsAreBoundedByThePolicy(long ttl, int kept) {
        Message reply = message("www.example.com.", Rcode.NOERROR);
        reply.addRecord(address(NAME, 1, 1), Section.ANSWER);
        byte[] wire = reply.toWire();
        int at = wire.length - 4 - 2 - 4;
        for (int i = 0; i < 4; i++) {
            wire[at + i] = (byte) (ttl >>> 8 * (3 - i));
        }
        UpstreamAnswer answer = AnswerReader.read(
                new Question(asked("www.example.com."), false, false),
                Unpooled.wrappedBuffer(wire),
                new CachePolicy(1 << 20, 5, 50, 60, 0, false),
                0);
        assertThat(answer.ttlSeconds).isEqualTo(kept);
    }

    @Test
    void aQuestionWithDoOrCdIsAnother() {
        Message reply = message("www.example.com.", Rcode.NOERROR);
        reply.addRecord(address(NAME, 60, 1), Section.ANSWER);
        cache.store(read(reply, POLICY));
        assertThat(cache.find(asked("www.example.com."), true, false, 0)).isNull();
        assertThat(cache.find(asked("www.example.com."), false, true, 0)).isNull();
        assertThat(cache.find(asked("ww2.example.com."), false, false, 0)).isNull();
        assertThat(cache.find(asked("www.example.com."), false, false, 0)).isNotNull();
    }

    @Test
    void aLongAnswerKeepsTheWholeRecordsThatFit() throws IOException {
        Message reply = message("www.example.com.", Rcode.NOERROR);
        for (int i = 0; i < 100; i++) {
            reply.addRecord(address(NAME, 60, i), Section.ANSWER);
        }
        reply.addRecord(new OPTRecord(4096, 0, 0), Section.ADDITIONAL);
        UpstreamAnswer answer = read(reply, POLICY);
        Message part = toClient(answer, "www.example.com.", 512, 0);
        assertThat(part.getSection(Section.ANSWER)).hasSize((512 - 12 - 21) / 16);
        assertThat(part.getHeader().getFlag(Flags.TC)).isTrue();
        Message whole = toClient(answer, "www.example.com.", 65_535, 0);
        assertThat(whole.getSection(Section.ANSWER)).hasSize(100);
        assertThat(whole.getHeader().getFlag(Flags.TC)).isFalse();
        assertThat(whole.getOPT()).isNull();
    }

    @Test
    void popularAnswersAreFetchedAnewOnceInTheLastTenthOfTheirTime() {
        Message reply = message("www.example.com.", Rcode.NOERROR);
        reply.addRecord(address(NAME, 100, 1), Section.ANSWER);
        cache.store(read(reply, POLICY));
        UpstreamAnswer answer = find("www.example.com.", SECOND);
        assertThat(answer.takePrefetch(95 * SECOND)).as("asked once only").isFalse();
        find("www.example.com.", SECOND);
        assertThat(answer.takePrefetch(80 * SECOND)).as("early").isFalse();
        assertThat(answer.takePrefetch(95 * SECOND)).isTrue();
        assertThat(answer.takePrefetch(95 * SECOND)).as("again").isFalse();
    }

    @Test
    void memoryIsBoundedAndWhatIsAskedForStays() {
        List<String> popular = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            popular.add("popular" + i + ".example.com.");
        }
        int kept = 0;
        for (int i = 0; i < 20_000; i++) {
            String name = i < popular.size() ? popular.get(i) : "name" + i + ".example.com.";
            Message reply = message(name, Rcode.NOERROR);
            reply.addRecord(address(Name.fromConstantString(name), 600, 1), Section.ANSWER);
            cache.store(read(reply, POLICY));
            assertThat(cache.bytes()).isLessThanOrEqualTo(POLICY.bytes());
            if (i % 50 == 0) {
                kept = 0;
                for (String asked : popular) {
                    kept += find(asked, 0) != null ? 1 : 0;
                }
            }
        }
        assertThat(kept).isGreaterThan(45);
        assertThat(cache.entries()).isGreaterThan(1_000);
    }

    @Test
    void withoutMemoryNothingIsKept() {
        AnswerCache none = new AnswerCache(CachePolicy.NONE);
        Message reply = message("www.example.com.", Rcode.NOERROR);
        reply.addRecord(address(NAME, 60, 1), Section.ANSWER);
        none.store(read(reply, CachePolicy.NONE));
        assertThat(none.entries()).isZero();
    }

    /** Damaged replies are refused or read without harm; whole ones stay whole on the way to clients. */
    @ParameterizedTest
    @CsvSource({"1", "2", "3"})
    void damagedRepliesDoNoHarm(long seed) throws IOException {
        Random random = new Random(seed);
        byte[] sent = asked("www.example.com.");
        int used = 0;
        for (int round = 0; round < 5_000; round++) {
            Message reply = message("www.example.com.", random.nextBoolean() ? Rcode.NOERROR : Rcode.NXDOMAIN);
            for (int i = random.nextInt(4); i > 0; i--) {
                reply.addRecord(address(NAME, random.nextInt(Integer.MAX_VALUE), i), 1 + random.nextInt(3));
            }
            reply.addRecord(soa(random.nextInt(500), random.nextInt(500)), Section.AUTHORITY);
            if (random.nextBoolean()) {
                reply.addRecord(new OPTRecord(4096, 0, 0), Section.ADDITIONAL);
            }
            byte[] wire = reply.toWire();
            byte[] whole = wire.clone();
            for (int i = random.nextInt(4); i > 0; i--) {
                wire[random.nextInt(wire.length)] = (byte) random.nextInt();
            }
            if (random.nextInt(4) == 0) {
                wire = Arrays.copyOf(wire, random.nextInt(wire.length + 20));
            }
            ByteBuf buffer = Unpooled.wrappedBuffer(wire);
            if (ReplyCheck.judge(buffer, sent, 7, true) == ReplyCheck.Verdict.USE) {
                used++;
                UpstreamAnswer answer = AnswerReader.read(new Question(sent, false, false), buffer, POLICY, 0);
                cache.store(answer);
                for (int limit : new int[] {512, 1_232, 65_535}) {
                    ByteBuf message = answer.message(1, 0, sent, sent.length, limit, 0, SECOND);
                    assertThat(message.readableBytes()).isLessThanOrEqualTo(limit);
                    if (Arrays.equals(wire, whole)) {
                        assertThat(ReplyCheck.judge(message, sent, 1, true)).isEqualTo(ReplyCheck.Verdict.USE);
                    }
                    message.release();
                }
            }
        }
        assertThat(used).isGreaterThan(500);
    }
}
