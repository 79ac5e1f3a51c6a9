package dev.drover.dns.path;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.SocketName;
import dev.drover.dns.resolve.AnswerCache;
import dev.drover.dns.resolve.CachePolicy;
import dev.drover.dns.resolve.Forwarding;
import dev.drover.dns.resolve.Learned;
import dev.drover.dns.resolve.Upstream;
import dev.drover.dns.resolve.UpstreamAnswer;
import dev.drover.dns.resolve.UpstreamSet;
import dev.drover.dns.wire.QueryType;
import dev.drover.dns.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.Section;

/** The quick answer says what the thorough one says, or nothing. */
class PlainQuestionTest {
    private static final int ROUNDS = 20_000;
    private static final int TTL = 50;
    private static final long PAST_NS = TimeUnit.SECONDS.toNanos(TTL + 1);
    private static final InetAddress IN_VIEW = InetAddress.ofLiteral("10.42.7.3");
    private static final InetAddress ELSEWHERE = InetAddress.ofLiteral("192.0.2.7");
    private static final List<String> NAMES = List.of(
            "web1.stack.rancher.internal.",
            "web1.stack.",
            "WEB1.Stack.Rancher.INTERNAL.",
            "many.stack.rancher.internal.",
            "six.stack.rancher.internal.",
            "none.stack.rancher.internal.",
            "stack.rancher.internal.",
            "rancher.internal.",
            "absent.stack.rancher.internal.",
            "a.b.c.Rancher.Internal.",
            "alias.stack.rancher.internal.",
            "web1.",
            "WEB1.app.stack.rancher.internal.",
            "db.",
            "Db.app.Stack.rancher.internal.",
            "db.stack.rancher.internal.",
            "none.app.stack.rancher.internal.",
            "stack.app.stack.rancher.internal.",
            "www.example.com.stack.rancher.internal.",
            "app.stack.rancher.internal.",
            "x.ns.dns.rancher.internal.",
            "xrancher.internal.",
            "example.com.",
            "WWW.example.com.",
            "gone.example.com.",
            "old.example.com.",
            "4.3.2.10.in-addr.arpa.",
            ".");

    private final PlainQuestion question = new PlainQuestion();

    private static Serving serving(boolean forwards) throws Exception {
        ZoneBuilder zone = new ZoneBuilder("rancher.internal", 5);
        add(zone, "web1.stack", List.of(InetAddress.getByName("10.42.0.1"), InetAddress.getByName("10.42.0.2")));
        List<InetAddress> many = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            many.add(InetAddress.getByName("10.42.1." + i));
        }
        add(zone, "many.stack", many);
        add(zone, "six.stack", List.of(InetAddress.getByName("fd00::6")));
        add(zone, "none.stack", List.of());
        zone.add("alias.stack", new ZoneBuilder.Data(List.of(), "web1.stack.rancher.internal", List.of(), List.of()));
        zone.view(
                "stack/app",
                List.of(Cidr.parse("10.42.7.0/24")),
                List.of("app.stack", "stack"),
                Map.of("db", ZoneBuilder.Data.of(List.of(InetAddress.getByName("10.42.0.9")))));
        Serving alone = Serving.of(zone.build(List.of(InetAddress.getByName("169.254.169.250")), 7));
        if (!forwards) {
            return alone;
        }
        Upstream upstream = new Upstream(new Upstream.Endpoint(new InetSocketAddress("192.0.2.53", 53), null), null);
        AnswerCache cache = new AnswerCache(CachePolicy.DEFAULT);
        for (int type : new int[] {1, 28, 16}) {
            long now = System.nanoTime();
            Learned.put(cache, learned("www.example.com.", type, Rcode.NOERROR), now);
            Learned.put(cache, learned("gone.example.com.", type, Rcode.NXDOMAIN), now);
            Learned.put(cache, learned("old.example.com.", type, Rcode.NOERROR), now - PAST_NS);
        }
        return new Serving(
                alone.zone(),
                new Forwarding(new UpstreamSet(List.of(upstream)), Map.of()),
                cache,
                alone.timing(),
                alone.limits(),
                alone.rate(),
                alone.tap());
    }

    /** With more addresses than fit without EDNS; negative answers with the SOA record by which they may be kept. */
    private static Message learned(String text, int type, int rcode) {
        Name name = Name.fromConstantString(text);
        Name zone = Name.fromConstantString("example.com.");
        Message reply = new Message(7);
        reply.getHeader().setFlag(Flags.QR);
        reply.getHeader().setFlag(Flags.AD);
        reply.getHeader().setRcode(rcode);
        reply.addRecord(Record.newRecord(name, type, DClass.IN), Section.QUESTION);
        if (rcode == Rcode.NOERROR && type == 1) {
            for (int i = 0; i < 40; i++) {
                reply.addRecord(
                        new ARecord(name, DClass.IN, TTL, InetAddress.ofLiteral("192.0.2." + i)), Section.ANSWER);
            }
        } else {
            reply.addRecord(new SOARecord(zone, DClass.IN, TTL, zone, zone, 1, 1, 1, 1, TTL), Section.AUTHORITY);
        }
        return reply;
    }

    private static void add(ZoneBuilder zone, String name, List<InetAddress> addresses) {
        zone.add(name, ZoneBuilder.Data.of(addresses));
    }

    private static byte[] query(Random random) throws Exception {
        Message query = new Message(random.nextInt(0x10000));
        int type = new int[] {1, 28, 1, 28, 2, 6, 16, 255}[random.nextInt(8)];
        int dclass = random.nextInt(20) == 0 ? DClass.CH : DClass.IN;
        Name name = Name.fromString(NAMES.get(random.nextInt(NAMES.size())));
        query.addRecord(Record.newRecord(name, type, dclass), Section.QUESTION);
        for (int flag : new int[] {Flags.RD, Flags.AD, Flags.CD, Flags.TC, Flags.AA}) {
            if (random.nextInt(flag == Flags.TC || flag == Flags.AA ? 20 : 2) == 0) {
                query.getHeader().setFlag(flag);
            }
        }
        if (random.nextBoolean()) {
            int version = random.nextInt(20) == 0 ? 1 : 0;
            int flags = random.nextBoolean() ? Wire.OPT_DO : random.nextInt(20) == 0 ? 1 : 0;
            query.addRecord(new OPTRecord(random.nextInt(5_000), 0, version, flags), Section.ADDITIONAL);
        }
        byte[] wire = query.toWire();
        if (random.nextInt(4) == 0) {
            for (int n = 1 + random.nextInt(3); n > 0; n--) {
                wire[random.nextInt(wire.length)] = (byte) random.nextInt();
            }
        }
        return random.nextInt(10) == 0 ? java.util.Arrays.copyOf(wire, random.nextInt(wire.length + 8)) : wire;
    }

    /** Everything a reply says, records of a section in no order; releases it. */
    private static String said(Reply reply) throws Exception {
        byte[] bytes = new byte[reply.message().readableBytes()];
        reply.message().readBytes(bytes).release();
        Message message = new Message(bytes);
        StringBuilder said = new StringBuilder(message.getHeader().toString()).append(reply.rcode());
        for (int section : new int[] {Section.QUESTION, Section.ANSWER, Section.AUTHORITY, Section.ADDITIONAL}) {
            TreeSet<String> records = new TreeSet<>();
            message.getSection(section).forEach(record -> records.add(record.toString()));
            said.append(records);
        }
        return said.toString();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void itSaysWhatTheResponderSays(boolean forwards) throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Serving serving = serving(forwards);
        int quick = 0;
        int cached = 0;
        for (int i = 0; i < ROUNDS; i++) {
            byte[] bytes = query(random);
            Via via = random.nextBoolean() ? Via.UDP : Via.TCP;
            InetAddress client = random.nextBoolean() ? IN_VIEW : ELSEWHERE;
            ByteBuf message = Unpooled.buffer(bytes.length + 3)
                    .writeZero(3)
                    .writeBytes(bytes)
                    .skipBytes(3);
            Query query = Query.parse(message);
            long before = System.nanoTime();
            ByteBuf bytesOfReply = Unpooled.buffer();
            boolean answered = question.answer(
                    message, serving, via, SocketName.high(client), SocketName.low(client), bytesOfReply);
            if (!answered) {
                assertThat(bytesOfReply.isReadable()).as("written to").isFalse();
                continue;
            }
            long after = System.nanoTime();
            Reply plain = new Reply(bytesOfReply, question.rcode());
            assertThat(plain.length()).isLessThanOrEqualTo(query.limit(via));
            quick++;
            assertThat(query.verdict).as("seed %d", seed).isEqualTo(Query.Verdict.ANSWER);
            Answer answer = Responder.respond(query, serving, via, client);
            assertThat(question.isCached()).isEqualTo(answer instanceof Answer.Forward);
            if (answer instanceof Answer.Done done) {
                assertThat(said(plain)).as("seed %d, %s", seed, query.name).isEqualTo(said(done.reply()));
            } else {
                cached++;
                UpstreamAnswer known =
                        serving.cache().find(query.question, query.dnssecOk, query.flag(Wire.CD), before);
                // a second may end in between
                assertThat(said(plain))
                        .as("seed %d, %s", seed, query.name)
                        .isIn(
                                said(Reply.of(query, known, via, before, null)),
                                said(Reply.of(query, known, via, after, null)));
                assertThat(query.name).as("fresh").isNotEqualTo(Name.fromConstantString("old.example.com."));
            }
            assertThat(question.type()).isEqualTo(QueryType.of(query.type));
        }
        assertThat(quick).as("answered quickly of %d", ROUNDS).isGreaterThan(ROUNDS / 20);
        assertThat(cached > 0).as("answered from the cache").isEqualTo(forwards);
    }

    @Test
    void addressesTakeTurnsAndKeepTheAskersCase() throws Exception {
        Serving serving = serving(false);
        Message query =
                Message.newQuery(Record.newRecord(Name.fromString("WeB1.stack.rancher.internal."), 1, DClass.IN));
        List<String> first = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            ByteBuf message = Unpooled.wrappedBuffer(query.toWire());
            ByteBuf reply = Unpooled.buffer();
            assertThat(question.answer(
                            message, serving, Via.UDP, SocketName.high(ELSEWHERE), SocketName.low(ELSEWHERE), reply))
                    .isTrue();
            byte[] bytes = new byte[reply.readableBytes()];
            reply.readBytes(bytes).release();
            Record answer = new Message(bytes).getSection(Section.ANSWER).getFirst();
            assertThat(answer.getName()).hasToString("WeB1.stack.rancher.internal.");
            first.add(answer.rdataToString());
        }
        assertThat(first.get(0)).isEqualTo(first.get(2)).isNotEqualTo(first.get(1));
        assertThat(first.get(1)).isEqualTo(first.get(3));
    }
}
