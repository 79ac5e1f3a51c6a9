package dev.drover.dns;

import static dev.drover.dns.DnsFixture.addresses;
import static dev.drover.dns.DnsFixture.config;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Transport;
import dev.drover.dns.NameData.Srv;
import dev.drover.dns.path.Explanation;
import dev.drover.dns.path.Rule;
import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.TXTRecord;
import org.xbill.DNS.Type;

/** Records of every type, reverse zones, and names as each client sees them. */
@Timeout(30)
abstract class NamesContract {
    /** A container of service {@code app} of stack {@code hello}, which links to {@code db} of stack {@code data}. */
    private static final String LINKED = "127.0.0.7";

    private static final String ELSEWHERE = "127.0.0.1";

    private final DnsFixture fixture = new DnsFixture(transport());
    private DnsServer server;

    abstract Transport transport();

    @BeforeEach
    void serve() {
        server = fixture.server();
        server.apply(names().build());
    }

    private static DnsFixture.Config names() {
        return config().record("web.hello", "10.42.1.3", "10.42.2.3")
                .record("log.app.hello", "10.42.1.8")
                .record("web.other", "10.42.3.3")
                .record("web", "10.42.9.9")
                .record("db.data", "10.42.5.5")
                .record("box", "10.42.1.7", "fd00::7")
                .record("down.hello")
                .data("www.hello", NameData.alias("web.hello.rancher.internal"))
                .data("far.hello", NameData.alias("www.example.com."))
                .data("lost.hello", NameData.alias("nobody.rancher.internal"))
                .data(
                        "_8000._tcp.web.hello",
                        new NameData(
                                List.of(),
                                null,
                                List.of(
                                        new Srv(0, 0, 8000, "box.rancher.internal"),
                                        new Srv(0, 0, 8000, "web.rancher.internal")),
                                List.of()))
                .data(
                        "note.hello",
                        new NameData(List.of(), null, List.of(), List.of("a \"quoted\" \\ text", "owner=ops")))
                .pointer("10.42.1.7", "box")
                .pointer("fd00::7", "box")
                .pointer("192.0.2.77", "web")
                .reverse("10.42.0.0/16")
                .view(new View(
                        "hello/app",
                        List.of(Cidr.parse(LINKED + "/32")),
                        List.of("app.hello", "hello"),
                        Map.of(
                                "database", NameData.of(addresses("10.42.5.5")),
                                "outside", NameData.alias("www.example.com"))))
                .view(new View("hello", List.of(Cidr.parse("127.0.1.0/24")), List.of("hello"), Map.of()));
    }

    @AfterEach
    void stop() throws IOException {
        fixture.close();
    }

    private Message ask(String from, String name, int type) {
        return new DnsClient(server.status().addresses().getFirst(), from).ask(name, type);
    }

    private static List<String> data(Message reply) {
        return reply.getSection(Section.ANSWER).stream()
                .map(Record::rdataToString)
                .toList();
    }

    @Test
    void anAliasComesBeforeWhatItLeadsTo() {
        Message reply = ask(ELSEWHERE, "wWw.hello.", Type.A);
        List<Record> answer = reply.getSection(Section.ANSWER);
        assertThat(answer.getFirst().getType()).isEqualTo(Type.CNAME);
        assertThat(answer.getFirst().getName()).hasToString("wWw.hello.");
        assertThat(answer.subList(1, 3)).allSatisfy(record -> {
            assertThat(record.getType()).isEqualTo(Type.A);
            assertThat(record.getName()).hasToString("web.hello.rancher.internal.");
        });
        assertThat(data(ask(ELSEWHERE, "www.hello.", Type.CNAME))).containsExactly("web.hello.rancher.internal.");
        Message none = ask(ELSEWHERE, "www.hello.", Type.AAAA);
        assertThat(none.getRcode()).isEqualTo(Rcode.NOERROR);
        assertThat(data(none)).containsExactly("web.hello.rancher.internal.");
        assertThat(none.getSection(Section.AUTHORITY)).hasSize(1);
    }

    @Test
    void anAliasOfNothingSaysSo() {
        Message reply = ask(ELSEWHERE, "lost.hello.", Type.A);
        assertThat(reply.getRcode()).isEqualTo(Rcode.NXDOMAIN);
        assertThat(data(reply)).containsExactly("nobody.rancher.internal.");
    }

    @Test
    void theTargetOutsideIsAskedOfAnUpstream() {
        DnsServer upstream = fixture.server();
        upstream.apply(
                config().zone("example.com").record("www", "192.0.2.80").ttl(77).build());
        server.apply(names().forward(upstream.status().addresses().getFirst()).build());
        for (String name : List.of("far.hello.", "outside.")) {
            Message reply = ask(LINKED, name, Type.A);
            assertThat(reply.getRcode()).isEqualTo(Rcode.NOERROR);
            assertThat(reply.getQuestion().getName()).hasToString(name);
            assertThat(data(reply)).containsExactly("www.example.com.", "192.0.2.80");
            assertThat(reply.getSection(Section.ANSWER).get(1).getTTL()).isEqualTo(77);
        }
    }

    @Test
    void withoutUpstreamTheAliasAloneIsTold() {
        Message reply = ask(ELSEWHERE, "far.hello.rancher.internal.", Type.A);
        assertThat(reply.getRcode()).isEqualTo(Rcode.NOERROR);
        assertThat(data(reply)).containsExactly("www.example.com.");
    }

    @Test
    void servicesComeWithTheAddressesOfTheirTargetsInTurn() {
        Message first = ask(ELSEWHERE, "_8000._tcp.web.hello.", Type.SRV);
        assertThat(data(first))
                .containsExactlyInAnyOrder("0 0 8000 box.rancher.internal.", "0 0 8000 web.rancher.internal.");
        assertThat(first.getSection(Section.ADDITIONAL))
                .extracting(Record::rdataToString)
                .contains("10.42.1.7", "fd00:0:0:0:0:0:0:7", "10.42.9.9");
        assertThat(data(ask(ELSEWHERE, "_8000._tcp.web.hello.", Type.SRV)).getFirst())
                .isNotEqualTo(data(first).getFirst());
        assertThat(ask(ELSEWHERE, "_tcp.web.hello.rancher.internal.", Type.SRV).getRcode())
                .isEqualTo(Rcode.NOERROR);
    }

    @Test
    void whatDoesNotFitIsCutAtWholeRecordsAddressesOfTargetsFirst() {
        List<Srv> many = IntStream.range(0, 100)
                .mapToObj(i -> new Srv(0, 0, 8000, "hello-web-" + i + ".rancher.internal"))
                .toList();
        DnsFixture.Config config = config().data("web.hello", new NameData(List.of(), null, many, List.of()));
        for (int i = 0; i < 100; i++) {
            config.record("hello-web-" + i, "10.42.1." + i);
        }
        server.apply(config.build());
        Message udp = ask(ELSEWHERE, "web.hello.", Type.SRV);
        assertThat(DnsClient.flag(udp, Flags.TC)).isTrue();
        assertThat(udp.numBytes()).isLessThanOrEqualTo(512);
        assertThat(udp.getSection(Section.ANSWER).size()).isBetween(5, 20);
        Message tcp =
                new DnsClient(server.status().addresses().getFirst()).tcp(DnsClient.query("web.hello.", Type.SRV));
        assertThat(DnsClient.flag(tcp, Flags.TC)).isFalse();
        assertThat(tcp.getSection(Section.ANSWER)).hasSize(100);
        assertThat(tcp.getSection(Section.ADDITIONAL)).hasSize(100);
    }

    @Test
    void textsAreTakenAsTheyAre() {
        assertThat(ask(ELSEWHERE, "note.hello.", Type.TXT).getSection(Section.ANSWER))
                .extracting(record ->
                        new String(((TXTRecord) record).getStringsAsByteArrays().getFirst(), UTF_8))
                .containsExactly("a \"quoted\" \\ text", "owner=ops");
    }

    @ParameterizedTest
    @CsvSource({
        "7.1.42.10.in-addr.arpa., PTR, NOERROR, box.rancher.internal.",
        "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa., PTR, NOERROR, box.rancher.internal.",
        "77.2.0.192.in-addr.arpa., PTR, NOERROR, web.rancher.internal.",
        "7.1.42.10.in-addr.arpa., A, NOERROR, ",
        "1.42.10.in-addr.arpa., PTR, NOERROR, ",
        "42.10.in-addr.arpa., PTR, NOERROR, ",
        "42.10.in-addr.arpa., NS, NOERROR, ns.dns.rancher.internal.",
        "8.1.42.10.in-addr.arpa., PTR, NXDOMAIN, ",
        "x.7.1.42.10.in-addr.arpa., A, NXDOMAIN, "
    })
    void addressesOfOurSubnetsHaveOneNameOrNone(String name, String type, String rcode, String answer) {
        Message reply = ask(ELSEWHERE, name, Type.value(type));
        assertThat(Rcode.string(reply.getRcode())).isEqualTo(rcode);
        assertThat(DnsClient.authoritative(reply)).isTrue();
        assertThat(data(reply)).isEqualTo(answer == null ? List.of() : List.of(answer));
        if (answer == null) {
            assertThat(reply.getSection(Section.AUTHORITY))
                    .singleElement()
                    .satisfies(soa -> assertThat(soa.getName()).hasToString("42.10.in-addr.arpa."));
        }
    }

    @Test
    void aSubnetThatDoesNotEndAtAnOctetIsSeveralZones() {
        server.apply(config().reverse("10.96.0.0/20").build());
        assertThat(DnsClient.authoritative(ask(ELSEWHERE, "1.15.96.10.in-addr.arpa.", Type.PTR)))
                .isTrue();
        assertThat(DnsClient.authoritative(ask(ELSEWHERE, "1.16.96.10.in-addr.arpa.", Type.PTR)))
                .isFalse();
    }

    /** The name alone, behind each search domain, and under the zone. */
    @ParameterizedTest
    @CsvSource({
        // asked by a container of hello/app
        "127.0.0.7, web., 10.42.1.3 10.42.2.3",
        "127.0.0.7, WEB.App.Hello.rancher.internal., 10.42.1.3 10.42.2.3",
        "127.0.0.7, web.hello.rancher.internal., 10.42.1.3 10.42.2.3",
        "127.0.0.7, log., 10.42.1.8",
        "127.0.0.7, log.app., 10.42.1.8",
        "127.0.0.7, log.app.hello., 10.42.1.8",
        "127.0.0.7, database., 10.42.5.5",
        "127.0.0.7, database.app.hello.rancher.internal., 10.42.5.5",
        "127.0.0.7, database.hello.rancher.internal., 10.42.5.5",
        "127.0.0.7, database.rancher.internal., 10.42.5.5",
        "127.0.0.7, box.app.hello.rancher.internal., 10.42.1.7",
        "127.0.0.7, web.other.app.hello.rancher.internal., 10.42.3.3",
        "127.0.0.7, web.other.hello.rancher.internal., 10.42.3.3",
        "127.0.0.7, web.other., 10.42.3.3",
        "127.0.0.7, web.rancher.internal., 10.42.9.9",
        "127.0.0.7, down., ",
        "127.0.0.7, hello.rancher.internal., ",
        "127.0.0.7, nobody.app.hello.rancher.internal., NXDOMAIN",
        "127.0.0.7, www.example.com.app.hello.rancher.internal., NXDOMAIN",
        "127.0.0.7, nobody.hello.rancher.internal., NXDOMAIN",
        "127.0.0.7, data.hello.rancher.internal., NXDOMAIN",
        // by a client that searches the stack alone
        "127.0.1.9, web., 10.42.1.3 10.42.2.3",
        "127.0.1.9, web.hello.rancher.internal., 10.42.1.3 10.42.2.3",
        "127.0.1.9, log.app., 10.42.1.8",
        "127.0.1.9, database.hello.rancher.internal., NXDOMAIN",
        "127.0.1.9, box.hello.rancher.internal., 10.42.1.7",
        // by anybody
        "127.0.0.1, web., 10.42.9.9",
        "127.0.0.1, web.hello., 10.42.1.3 10.42.2.3",
        "127.0.0.1, database.rancher.internal., NXDOMAIN",
        "127.0.0.1, web.app.hello.rancher.internal., NXDOMAIN",
        "127.0.0.1, box.hello.rancher.internal., NXDOMAIN"
    })
    void eachClientSeesTheNamesOfItsOwn(String from, String name, String expected) {
        Message a = ask(from, name, Type.A);
        Message aaaa = ask(from, name, Type.AAAA);
        assertThat(a.getRcode()).as("A and AAAA agree").isEqualTo(aaaa.getRcode());
        if ("NXDOMAIN".equals(expected)) {
            assertThat(a.getRcode()).isEqualTo(Rcode.NXDOMAIN);
            assertThat(DnsClient.authoritative(a)).isTrue();
        } else {
            assertThat(a.getRcode()).isEqualTo(Rcode.NOERROR);
            assertThat(data(a)).containsExactlyInAnyOrder(expected == null ? new String[0] : expected.split(" "));
            assertThat(a.getSection(Section.ANSWER))
                    .allSatisfy(record -> assertThat(record.getName()).hasToString(name));
        }
    }

    @Test
    void anotherViewIsSeenByTheNextQuestion() {
        assertThat(data(ask(LINKED, "database.", Type.A))).containsExactly("10.42.5.5");
        server.apply(config().record("database", "10.42.8.8").build());
        assertThat(data(ask(LINKED, "database.", Type.A))).containsExactly("10.42.8.8");
    }

    @Test
    void tellsWhichRuleAnswers() {
        Map<String, Rule> expected = Map.of(
                "database", Rule.VIEW,
                "web", Rule.SEARCH,
                "web.hello", Rule.NAME,
                "hello.rancher.internal", Rule.EMPTY,
                "rancher.internal", Rule.APEX,
                "nobody.rancher.internal", Rule.MISSING,
                "7.1.42.10.in-addr.arpa", Rule.REVERSE,
                "example.com", Rule.FORWARD);
        expected.forEach((name, rule) -> {
            Explanation told = server.explain(name, Type.A, InetAddress.ofLiteral(LINKED));
            assertThat(told.rule()).as(name).isEqualTo(rule);
            assertThat(told.view()).isEqualTo("hello/app");
        });
        assertThat(server.explain("web", Type.A, InetAddress.ofLiteral(LINKED)).owner())
                .isEqualTo("web.hello");
        assertThat(server.explain("web", Type.A, InetAddress.ofLiteral(ELSEWHERE)))
                .satisfies(told -> {
                    assertThat(told.view()).isNull();
                    assertThat(told.answer()).containsExactly("web. 5 IN A 10.42.9.9");
                    assertThat(told.rcode()).isEqualTo("NOERROR");
                });
        assertThat(server.explain("far.hello", Type.A, InetAddress.ofLiteral(ELSEWHERE))
                        .answer())
                .containsExactly("far.hello. 5 IN CNAME www.example.com.");
        assertThatThrownBy(() -> server.explain("a..b", Type.A, InetAddress.ofLiteral(ELSEWHERE)))
                .hasMessage("name: a..b (expected: a DNS name)");
    }

    @Test
    void refusesWhatCannotBeServed() {
        List<DnsFixture.Config> bad = new ArrayList<>();
        bad.add(config().data("a", NameData.alias("b.rancher.internal"))
                .data("b", NameData.alias("a.rancher.internal.")));
        bad.add(config().data("a", NameData.alias("b..c")));
        bad.add(config().data("a", new NameData(addresses("10.0.0.1"), "b", List.of(), List.of())));
        bad.add(config().data("a", new NameData(List.of(), null, List.of(new Srv(0, 0, 70_000, "b")), List.of())));
        bad.add(config().data("a", new NameData(List.of(), null, List.of(), List.of("x".repeat(256)))));
        bad.add(config().reverse("10.0.0.0/7"));
        Cidr source = Cidr.parse("10.0.0.0/8");
        bad.add(config().view(new View("v", List.of(source), List.of("a b"), Map.of())));
        bad.add(config().view(new View("v", List.of(source), List.of(), Map.of()))
                .view(new View("w", List.of(source), List.of(), Map.of())));
        for (DnsFixture.Config config : bad) {
            assertThatThrownBy(() -> server.apply(config.build()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("dns.")
                    .hasMessageContaining("(expected: ");
        }
        assertThat(data(ask(ELSEWHERE, "web.", Type.A))).containsExactly("10.42.9.9");
    }
}
