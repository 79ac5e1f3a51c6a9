package dev.drover.dns;

import static dev.drover.dns.DnsFixture.client;
import static dev.drover.dns.DnsFixture.config;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Transport;
import dev.drover.dns.path.Limits;
import dev.drover.dns.resolve.CachePolicy;
import dev.drover.dns.resolve.Timing;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.CNAMERecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.ExtendedErrorCodeOption;
import org.xbill.DNS.Flags;
import org.xbill.DNS.HINFORecord;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/** Names that are not ours: good, dead, slow and lying upstreams. */
@Timeout(60)
abstract class ForwardContract {
    /** Short times, so that giving up is quick; the proportions are those of the defaults. */
    private static final Timing QUICK = new Timing(400, 100, 900, 700, 300, 1_000);

    private static final Limits LIMITS = new Limits(64, 8, 64, 32, 10_000);

    private final DnsFixture fixture = new DnsFixture(transport());
    private DnsServer server;
    private DnsClient client;

    abstract Transport transport();

    @BeforeEach
    void serve() {
        server = fixture.server();
    }

    @AfterEach
    void stop() throws IOException {
        fixture.close();
    }

    private void forwardTo(FakeUpstream... upstreams) {
        forwardTo(Stream.of(upstreams)
                .map(upstream -> fixture.own(upstream).address())
                .toArray(InetSocketAddress[]::new));
    }

    private void forwardTo(InetSocketAddress... upstreams) {
        server.apply(config().record("web1", "10.42.1.2")
                .forward(upstreams)
                .timing(QUICK)
                .limits(LIMITS)
                .cache(CachePolicy.NONE)
                .build());
        client = client(server);
    }

    private static String address(Message reply) {
        assertThat(reply.getRcode()).isEqualTo(Rcode.NOERROR);
        return ((ARecord) reply.getSection(Section.ANSWER).getFirst())
                .getAddress()
                .getHostAddress();
    }

    private static InetSocketAddress closedPort() throws IOException {
        try (DatagramSocket socket = new DatagramSocket(0, InetAddress.ofLiteral("127.0.0.1"))) {
            return (InetSocketAddress) socket.getLocalSocketAddress();
        }
    }

    @Test
    void passesFlagsTtlAndDoThrough() throws IOException {
        FakeUpstream upstream = new FakeUpstream((query, tcp) -> {
            Message reply = FakeUpstream.reply(query, Rcode.NOERROR, "192.0.2.1");
            reply.getHeader().setFlag(Flags.AD);
            reply.addRecord(new OPTRecord(4096, 0, 0, 0x8000), Section.ADDITIONAL);
            return List.of(reply.toWire());
        });
        forwardTo(upstream);
        Message query = DnsClient.ednsQuery("Example.COM.", Type.A, 4096, 0, 0x8000);
        query.getHeader().setFlag(Flags.CD);
        Message reply = client.udp(query);

        assertThat(address(reply)).isEqualTo("192.0.2.1");
        assertThat(reply.getSection(Section.ANSWER).getFirst().getTTL()).isEqualTo(77);
        assertThat(reply.getHeader().getID()).isEqualTo(query.getHeader().getID());
        assertThat(DnsClient.flag(reply, Flags.AD)).isTrue();
        assertThat(DnsClient.flag(reply, Flags.CD)).isTrue();
        assertThat(DnsClient.flag(reply, Flags.RD)).isTrue();
        assertThat(DnsClient.flag(reply, Flags.RA)).isTrue();
        assertThat(DnsClient.authoritative(reply)).isFalse();
        assertThat(reply.getOPT().getPayloadSize()).isEqualTo(1232);
        assertThat(reply.getOPT().getFlags()).isEqualTo(0x8000);
        Message forwarded = DnsClient.parse(upstream.received.getFirst());
        assertThat(forwarded.getOPT().getFlags()).isEqualTo(0x8000);
        assertThat(DnsClient.flag(forwarded, Flags.CD)).isTrue();
        assertThat(DnsClient.flag(forwarded, Flags.RD)).isTrue();
    }

    @Test
    void leavesOptOutOfRepliesToClientsWithoutEdns() throws IOException {
        forwardTo(new FakeUpstream((query, tcp) -> {
            Message reply = FakeUpstream.reply(query, Rcode.NOERROR, "192.0.2.1");
            reply.addRecord(new OPTRecord(4096, 0, 0), Section.ADDITIONAL);
            return List.of(reply.toWire());
        }));
        Message reply = client.ask("example.com.", Type.A);
        assertThat(address(reply)).isEqualTo("192.0.2.1");
        assertThat(reply.getOPT()).isNull();
    }

    @Test
    void asksFromAnotherPortWithAnotherIdEachTime() throws IOException {
        FakeUpstream upstream = FakeUpstream.of("192.0.2.1");
        forwardTo(upstream);
        for (int i = 0; i < 32; i++) {
            client.ask("example.com.", Type.A);
        }
        assertThat(new HashSet<>(upstream.ports)).hasSizeGreaterThan(24);
        assertThat(upstream.received.stream()
                        .map(query -> (query[0] & 0xff) << 8 | query[1] & 0xff)
                        .distinct())
                .hasSizeGreaterThan(24);
    }

    @Test
    void passesNxdomainOnWithoutAskingTheNext() throws IOException {
        FakeUpstream next = FakeUpstream.of("192.0.2.2");
        forwardTo(FakeUpstream.of(Rcode.NXDOMAIN), next);
        assertThat(client.ask("example.com.", Type.A).getRcode()).isEqualTo(Rcode.NXDOMAIN);
        assertThat(next.received).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {Rcode.SERVFAIL, Rcode.REFUSED, Rcode.FORMERR, Rcode.NOTIMP, Rcode.NOTAUTH})
    void asksTheNextWhenAnUpstreamRefuses(int rcode) throws IOException {
        forwardTo(FakeUpstream.of(rcode), FakeUpstream.of("192.0.2.2"));
        assertThat(address(client.ask("example.com.", Type.A))).isEqualTo("192.0.2.2");
    }

    @Test
    void saysServfailWhenAllRefuse() throws IOException {
        forwardTo(FakeUpstream.of(Rcode.REFUSED), FakeUpstream.of(Rcode.SERVFAIL));
        assertThat(client.ask("example.com.", Type.A).getRcode()).isEqualTo(Rcode.SERVFAIL);
    }

    @Test
    void asksTheNextAtOnceWhenThePortIsClosed() throws IOException {
        FakeUpstream next = fixture.own(FakeUpstream.of("192.0.2.2"));
        forwardTo(closedPort(), next.address());
        long start = System.nanoTime();
        assertThat(address(client.ask("example.com.", Type.A))).isEqualTo("192.0.2.2");
        assertThat((System.nanoTime() - start) / 1_000_000).isLessThan(QUICK.tryMs());
        assertThat(server.status().upstreams().getFirst().healthy()).isFalse();
    }

    @Test
    void asksASilentUpstreamBesidesTheOthersUntilItAnswers() throws IOException {
        AtomicBoolean awake = new AtomicBoolean();
        FakeUpstream sleepy = new FakeUpstream((query, tcp) -> awake.get()
                ? List.of(FakeUpstream.reply(query, Rcode.NOERROR, "192.0.2.1").toWire())
                : List.of());
        forwardTo(sleepy, FakeUpstream.of("192.0.2.2"));
        assertThat(address(client.ask("example.com.", Type.A))).isEqualTo("192.0.2.2");
        for (int i = 0; i < 5; i++) {
            assertThat(address(client.ask("example.com.", Type.A))).isEqualTo("192.0.2.2");
        }
        assertThat(sleepy.received).hasSize(1);
        // It goes on being asked now and then, on nobody's time, and so is found to be well again.
        await().until(() -> {
            client.ask("example.com.", Type.A);
            return !server.status().upstreams().getFirst().healthy();
        });
        awake.set(true);
        await().until(() -> {
            client.ask("example.com.", Type.A);
            return server.status().upstreams().getFirst().healthy();
        });
    }

    @Test
    void asksAnotherBesidesWhenTheFirstIsSlow() throws IOException {
        FakeUpstream slow = new FakeUpstream((query, tcp) -> {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(700));
            return List.of(FakeUpstream.reply(query, Rcode.NOERROR, "192.0.2.1").toWire());
        });
        FakeUpstream quick = FakeUpstream.of("192.0.2.2");
        forwardTo(slow, quick);
        assertThat(address(client.ask("example.com.", Type.A))).isEqualTo("192.0.2.2");
        // From then on the quick one is asked first.
        int before = slow.received.size();
        for (int i = 0; i < 10; i++) {
            assertThat(address(client.ask("name" + i + ".example.com.", Type.A)))
                    .isEqualTo("192.0.2.2");
        }
        assertThat(slow.received.size() - before).isLessThanOrEqualTo(1);
    }

    @Test
    void asksAgainWhenADatagramIsLost() throws IOException {
        AtomicInteger count = new AtomicInteger();
        forwardTo(new FakeUpstream((query, tcp) -> {
            boolean lost = new String(query, StandardCharsets.ISO_8859_1)
                            .toLowerCase(Locale.ROOT)
                            .contains("example")
                    && count.getAndIncrement() == 0;
            return lost
                    ? List.of()
                    : List.of(FakeUpstream.reply(query, Rcode.NOERROR, "192.0.2.1")
                            .toWire());
        }));
        assertThat(address(client.ask("example.com.", Type.A))).isEqualTo("192.0.2.1");
        assertThat(count).hasValue(2);
    }

    @Test
    void asksOnceForAllWhoAskTheSameAtTheSameTime() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        FakeUpstream upstream = new FakeUpstream((query, tcp) -> {
            await().forever().until(() -> go.getCount() == 0);
            return List.of(FakeUpstream.reply(query, Rcode.NOERROR, "192.0.2.1").toWire());
        });
        server.apply(config().forward(fixture.own(upstream).address())
                .cache(CachePolicy.NONE)
                .timing(new Timing(4_000, 4_000, 4_500, 4_500, 4_000, 60_000))
                .build());
        client = client(server);
        // One socket, so one lane: lanes ask for themselves.
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.setSoTimeout(5_000);
            socket.connect(server.status().addresses().getFirst());
            for (String name : List.of("example.com.", "EXAMPLE.com.", "example.COM.", "Example.Com.")) {
                byte[] query = DnsClient.query(name, Type.A).toWire();
                socket.send(new DatagramPacket(query, query.length));
            }
            await().until(() -> server.status().forwardsInFlight() == 4);
            go.countDown();
            Set<String> names = new HashSet<>();
            for (int i = 0; i < 4; i++) {
                DatagramPacket reply = new DatagramPacket(new byte[512], 512);
                socket.receive(reply);
                names.add(DnsClient.parse(Arrays.copyOf(reply.getData(), reply.getLength()))
                        .getQuestion()
                        .getName()
                        .toString());
            }
            assertThat(names).containsExactlyInAnyOrder("example.com.", "EXAMPLE.com.", "example.COM.", "Example.Com.");
        }
        assertThat(upstream.received).hasSize(1);
    }

    @Test
    void asksInRandomCaseOfLetters() throws IOException {
        FakeUpstream upstream = FakeUpstream.of("192.0.2.1");
        forwardTo(upstream);
        for (int i = 0; i < 8; i++) {
            Message reply = client.ask("Some-Long-Name.example.com.", Type.A);
            assertThat(reply.getSection(Section.ANSWER).getFirst().getName())
                    .hasToString("Some-Long-Name.example.com.");
        }
        assertThat(upstream.received.stream()
                        .map(query ->
                                DnsClient.parse(query).getQuestion().getName().toString())
                        .distinct())
                .hasSizeGreaterThan(4);
    }

    @Test
    void doesNotBelieveADatagramInAnotherCaseOfLetters() throws IOException {
        forwardTo(new FakeUpstream((query, tcp) -> {
            byte[] truth = FakeUpstream.reply(query, Rcode.NOERROR, "192.0.2.1").toWire();
            byte[] forged =
                    FakeUpstream.reply(query, Rcode.NOERROR, "198.51.100.66").toWire();
            forged[14] ^= 0x20;
            return List.of(tcp ? truth : forged);
        }));
        assertThat(address(client.ask("example.com.", Type.A))).isEqualTo("192.0.2.1");
    }

    private static List<byte[]> inLowerCase(byte[] query) {
        byte[] reply = FakeUpstream.reply(query, Rcode.NOERROR, "192.0.2.1").toWire();
        for (int i = 12; reply[i] != 0; i++) {
            reply[i] = (byte) Character.toLowerCase(reply[i]);
        }
        return List.of(reply);
    }

    @Test
    void learnsThatAnUpstreamDoesNotKeepCase() throws IOException {
        AtomicInteger connections = new AtomicInteger();
        forwardTo(new FakeUpstream((query, tcp) -> {
            connections.addAndGet(tcp ? 1 : 0);
            return inLowerCase(query);
        }));
        for (int i = 0; i < 12; i++) {
            assertThat(address(client.ask("example.com.", Type.A))).isEqualTo("192.0.2.1");
        }
        assertThat(connections.get()).isBetween(3, 4);
    }

    @Test
    void getsAlongWithAnUpstreamThatNeitherKeepsCaseNorHasTcp() throws IOException {
        forwardTo(new FakeUpstream((query, tcp) -> inLowerCase(query)).udpOnly());
        for (int i = 0; i < 6; i++) {
            assertThat(address(client.ask("example.com.", Type.A))).isEqualTo("192.0.2.1");
        }
    }

    @Test
    void saysWhyItFailed() throws IOException {
        forwardTo(closedPort());
        assertThat(extendedError(edns("a.example."))).isEqualTo(23);
        forwardTo(FakeUpstream.silent());
        assertThat(extendedError(edns("b.example."))).isEqualTo(22);
        forwardTo(FakeUpstream.of(Rcode.REFUSED));
        assertThat(extendedError(edns("c.example."))).isEqualTo(22);
        // Each lane finds out for itself.
        await().until(() -> extendedError(edns("c.example.")) == 13);
        assertThat(client.ask("c.example.", Type.A).getOPT()).isNull();
    }

    private Message edns(String name) {
        Message reply = client.udp(DnsClient.ednsQuery(name, Type.A, 1232, 0, 0));
        assertThat(reply.getRcode()).isEqualTo(Rcode.SERVFAIL);
        return reply;
    }

    private static int extendedError(Message reply) {
        return ((ExtendedErrorCodeOption) reply.getOPT().getOptions(15).getFirst()).getErrorCode();
    }

    @Test
    void leavesAQuestionThatFailedAloneForAMoment() throws IOException {
        FakeUpstream refusing = FakeUpstream.of(Rcode.SERVFAIL);
        forwardTo(refusing);
        for (int i = 0; i < 20; i++) {
            assertThat(client.ask("example.com.", Type.A).getRcode()).isEqualTo(Rcode.SERVFAIL);
        }
        // once for each lane, and once more should the moment have passed
        assertThat(refusing.received.size()).isLessThanOrEqualTo(4);
    }

    @Test
    void refusesWhatIsAskedWithoutDesireOfRecursion() throws IOException {
        FakeUpstream upstream = FakeUpstream.of("192.0.2.1");
        forwardTo(upstream);
        Message query = DnsClient.query("example.com.", Type.A);
        query.getHeader().unsetFlag(Flags.RD);
        assertThat(client.udp(query).getRcode()).isEqualTo(Rcode.REFUSED);
        assertThat(upstream.received).isEmpty();
    }

    @Test
    void answersAnyOfOtherNamesByItself() throws IOException {
        FakeUpstream upstream = FakeUpstream.of("192.0.2.1");
        forwardTo(upstream);
        Message reply = client.ask("example.com.", Type.ANY);
        assertThat(reply.getRcode()).isEqualTo(Rcode.NOERROR);
        assertThat(((HINFORecord) reply.getSection(Section.ANSWER).getFirst()).getCPU())
                .isEqualTo("RFC8482");
        assertThat(upstream.received).isEmpty();
    }

    @Test
    void asksTheUpstreamsOfTheLongestForwardZone() throws IOException {
        FakeUpstream standard = fixture.own(FakeUpstream.of("192.0.2.1"));
        FakeUpstream corp = fixture.own(FakeUpstream.of("192.0.2.2"));
        FakeUpstream lab = fixture.own(FakeUpstream.of("192.0.2.3"));
        server.apply(config().record("web1.corp", "10.42.1.2")
                .forward(standard.address())
                .forwardZone("corp.example", corp.address())
                .forwardZone("lab.corp.example", lab.address())
                .build());
        client = client(server);
        assertThat(address(client.ask("example.", Type.A))).isEqualTo("192.0.2.1");
        assertThat(address(client.ask("notcorp.example.", Type.A))).isEqualTo("192.0.2.1");
        assertThat(address(client.ask("corp.example.", Type.A))).isEqualTo("192.0.2.2");
        assertThat(address(client.ask("WWW.Corp.Example.", Type.A))).isEqualTo("192.0.2.2");
        assertThat(address(client.ask("a.b.lab.corp.example.", Type.A))).isEqualTo("192.0.2.3");
    }

    @Test
    void otherNamesDoNotExistWhenOnlyAForwardZoneIsGiven() throws IOException {
        server.apply(config().forwardZone(
                        "corp.example",
                        fixture.own(FakeUpstream.of("192.0.2.2")).address())
                .build());
        client = client(server);
        assertThat(address(client.ask("www.corp.example.", Type.A))).isEqualTo("192.0.2.2");
        assertThat(client.ask("example.com.", Type.A).getRcode()).isEqualTo(Rcode.NXDOMAIN);
    }

    @Test
    void saysServfailWithinTheTimeLimitWhenAllAreSilent() throws IOException {
        forwardTo(FakeUpstream.silent(), FakeUpstream.silent(), FakeUpstream.silent(), FakeUpstream.silent());
        long start = System.nanoTime();
        assertThat(client.ask("example.com.", Type.A).getRcode()).isEqualTo(Rcode.SERVFAIL);
        assertThat((System.nanoTime() - start) / 1_000_000).isBetween(700L, 2_500L);
        assertThat(server.status().forwardsInFlight()).isZero();
    }

    @Test
    void saysServfailWhenNoUpstreamListens() throws IOException {
        forwardTo(closedPort());
        assertThat(client.ask("example.com.", Type.A).getRcode()).isEqualTo(Rcode.SERVFAIL);
    }

    /** What a forger, or a broken upstream, may send before the true reply. */
    static List<FakeUpstream.Script> lies() {
        return List.of(
                (query, tcp) -> {
                    byte[] reply = FakeUpstream.reply(query, Rcode.NOERROR, "198.51.100.66")
                            .toWire();
                    reply[1] ^= 1;
                    return List.of(reply);
                },
                (query, tcp) -> {
                    byte[] reply = FakeUpstream.reply(query, Rcode.NOERROR, "198.51.100.66")
                            .toWire();
                    reply[14] ^= 1; // another letter
                    return List.of(reply);
                },
                (query, tcp) -> {
                    byte[] reply = FakeUpstream.reply(query, Rcode.NOERROR, "198.51.100.66")
                            .toWire();
                    reply[2] &= 0x7f; // a query
                    return List.of(reply);
                },
                (query, tcp) -> {
                    byte[] reply = FakeUpstream.reply(query, Rcode.NOERROR, "198.51.100.66")
                            .toWire();
                    reply[7] = 9; // more records than there are
                    return List.of(reply);
                },
                (query, tcp) -> List.of(new byte[0], new byte[] {query[0], query[1]}),
                (query, tcp) -> List.of(query));
    }

    @ParameterizedTest
    @MethodSource("lies")
    void waitsForTheTrueReplyBehindALie(FakeUpstream.Script lie) throws IOException {
        forwardTo(new FakeUpstream((query, tcp) -> {
            List<byte[]> replies = new ArrayList<>(lie.replies(query, tcp));
            replies.add(FakeUpstream.reply(query, Rcode.NOERROR, "192.0.2.1").toWire());
            return replies;
        }));
        assertThat(address(client.ask("example.com.", Type.A))).isEqualTo("192.0.2.1");
    }

    @ParameterizedTest
    @MethodSource("lies")
    void saysServfailWhenThereAreOnlyLies(FakeUpstream.Script lie) throws IOException {
        forwardTo(new FakeUpstream(lie));
        assertThat(client.ask("example.com.", Type.A).getRcode()).isEqualTo(Rcode.SERVFAIL);
    }

    @Test
    void survivesEveryPrefixOfAReply() throws IOException {
        forwardTo(new FakeUpstream((query, tcp) -> {
            byte[] whole = FakeUpstream.reply(query, Rcode.NOERROR, "192.0.2.1").toWire();
            return IntStream.rangeClosed(0, whole.length)
                    .mapToObj(length -> java.util.Arrays.copyOf(whole, length))
                    .toList();
        }));
        assertThat(address(client.ask("example.com.", Type.A))).isEqualTo("192.0.2.1");
    }

    @Test
    void asksAgainOverTcpWhenTheReplyIsTruncated() throws IOException {
        String[] many =
                IntStream.rangeClosed(1, 200).mapToObj(i -> "192.0.2." + i).toArray(String[]::new);
        forwardTo(new FakeUpstream((query, tcp) -> {
            Message reply = FakeUpstream.reply(query, Rcode.NOERROR, tcp ? many : new String[0]);
            if (!tcp) {
                reply.getHeader().setFlag(Flags.TC);
            }
            return List.of(reply.toWire());
        }));
        Message whole = client.tcp(DnsClient.query("example.com.", Type.A));
        assertThat(whole.getSection(Section.ANSWER)).hasSize(200);
        assertThat(DnsClient.flag(whole, Flags.TC)).isFalse();

        Message part = client.udp(DnsClient.ednsQuery("example.com.", Type.A, 4096, 0, 0));
        assertThat(part.getSection(Section.ANSWER)).hasSize((1232 - 12 - 17 - 11) / 16);
        assertThat(DnsClient.flag(part, Flags.TC)).isTrue();
        Message small = client.ask("example.com.", Type.A);
        assertThat(small.getSection(Section.ANSWER)).hasSize((512 - 12 - 17) / 16);
        assertThat(small.numBytes()).isLessThanOrEqualTo(512);
    }

    @Test
    void asksAgainWithoutEdnsWhenTheUpstreamDoesNotKnowIt() throws IOException {
        forwardTo(new FakeUpstream((query, tcp) -> {
            boolean edns = query[11] != 0;
            byte[] header = {query[0], query[1], (byte) 0x81, (byte) 0x81, 0, 0, 0, 0, 0, 0, 0, 0};
            return List.of(
                    edns
                            ? header
                            : FakeUpstream.reply(query, Rcode.NOERROR, "192.0.2.1")
                                    .toWire());
        }));
        assertThat(address(client.ask("example.com.", Type.A))).isEqualTo("192.0.2.1");
    }

    @Test
    void keepsTheOrderOfACnameChain() throws IOException {
        forwardTo(new FakeUpstream((query, tcp) -> {
            Message reply = FakeUpstream.reply(query, Rcode.NOERROR);
            Name asked = reply.getQuestion().getName();
            Name target = Name.fromConstantString("cdn.example.net.");
            reply.addRecord(new CNAMERecord(asked, DClass.IN, 60, target), Section.ANSWER);
            reply.addRecord(new ARecord(target, DClass.IN, 60, InetAddress.ofLiteral("192.0.2.7")), Section.ANSWER);
            return List.of(reply.toWire());
        }));
        Message reply = client.ask("WWW.example.com.", Type.A);
        assertThat(reply.getSection(Section.ANSWER)).hasSize(2);
        assertThat(reply.getSection(Section.ANSWER).getFirst()).isInstanceOf(CNAMERecord.class);
        assertThat(reply.getSection(Section.ANSWER).getFirst().getName()).hasToString("WWW.example.com.");
        assertThat(reply.getSection(Section.ANSWER).getLast().getName()).hasToString("cdn.example.net.");
    }

    @Test
    void limitsWhatOneClientHasInFlightAndAnswersTheRestAtOnce() throws Exception {
        forwardTo(FakeUpstream.silent());
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Message>> replies = IntStream.range(0, 20)
                    .mapToObj(i -> threads.submit(() -> client.ask("example.com.", Type.A)))
                    .toList();
            await().until(() -> replies.stream().filter(Future::isDone).count() >= 12);
            assertThat(server.status().forwardsInFlight()).isEqualTo(LIMITS.forwardsPerClient());
            // Own names are not concerned.
            assertThat(client.ask("web1.", Type.A).getRcode()).isEqualTo(Rcode.NOERROR);
            for (Future<Message> reply : replies) {
                assertThat(reply.get().getRcode()).isEqualTo(Rcode.SERVFAIL);
            }
        }
        assertThat(server.status().forwardsInFlight()).isZero();
    }

    @Test
    void answersPipelinedQueriesAsTheyAreReady() throws IOException {
        forwardTo(FakeUpstream.silent());
        Message slow = DnsClient.query("example.com.", Type.A);
        Message quick = DnsClient.query("web1.", Type.A);
        try (DnsClient.Tcp connection = client.connect()) {
            connection.send(slow.toWire());
            connection.send(quick.toWire());
            connection.socket.shutdownOutput();
            assertThat(DnsClient.parse(connection.receive()).getHeader().getID())
                    .isEqualTo(quick.getHeader().getID());
            Message late = DnsClient.parse(connection.receive());
            assertThat(late.getHeader().getID()).isEqualTo(slow.getHeader().getID());
            assertThat(late.getRcode()).isEqualTo(Rcode.SERVFAIL);
            assertThat(connection.isClosedByServer()).isTrue();
        }
    }

    @Test
    void noticesItselfAsUpstream() throws IOException {
        server.apply(config().build());
        InetSocketAddress self = server.status().addresses().getFirst();
        FakeUpstream good = fixture.own(FakeUpstream.of("192.0.2.1"));
        forwardTo(self);
        assertThat(client.ask("example.com.", Type.A).getRcode()).isEqualTo(Rcode.SERVFAIL);
        await().until(() -> server.status().upstreams().getFirst().looping());
        long start = System.nanoTime();
        assertThat(extendedError(edns("other.example."))).isZero();
        assertThat((System.nanoTime() - start) / 1_000_000).isLessThan(QUICK.sickMs());
        assertThat(client.ask("web1.", Type.A).getRcode()).isEqualTo(Rcode.NOERROR);
        await().until(() -> server.status().forwardsInFlight() == 0);

        forwardTo(self, good.address());
        assertThat(address(client.ask("third.example.", Type.A))).isEqualTo("192.0.2.1");
    }

    @Test
    void noticesThatAnotherServerForwardsBack() throws IOException {
        DnsServer other = fixture.server();
        other.apply(config().timing(QUICK).build());
        forwardTo(other.status().addresses().getFirst());
        other.apply(config().binds(DnsFixture.ANY_PORT)
                .forward(server.status().addresses().getFirst())
                .timing(QUICK)
                .build());
        assertThat(client.ask("example.com.", Type.A).getRcode()).isEqualTo(Rcode.SERVFAIL);
        // One of them is enough to break the circle.
        await().until(() -> Stream.of(server, other)
                .anyMatch(one -> one.status().upstreams().getFirst().looping()));
        long start = System.nanoTime();
        assertThat(client.ask("other.example.", Type.A).getRcode()).isEqualTo(Rcode.SERVFAIL);
        assertThat((System.nanoTime() - start) / 1_000_000).isLessThan(QUICK.sickMs());
        assertThat(client.ask("web1.", Type.A).getRcode()).isEqualTo(Rcode.NOERROR);
        await().until(() -> server.status().forwardsInFlight() == 0);
    }
}
