package dev.drover.dns;

import static dev.drover.dns.DnsFixture.client;
import static dev.drover.dns.DnsFixture.config;
import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Transport;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.NSRecord;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/** What the zone answers, over either transport of the event loops. */
@Timeout(30)
abstract class AnswerContract {
    private final DnsFixture fixture = new DnsFixture(transport());
    private DnsServer server;
    private DnsClient client;

    abstract Transport transport();

    @BeforeEach
    void serve() {
        server = fixture.server();
        server.apply(config().record("web1", "10.42.1.2")
                .record("httpserver.hello", "10.42.1.3", "10.42.2.3", "10.42.3.3")
                .record("six.hello", "fd00::1", "fd00::2")
                .record("both.hello", "10.42.1.9", "fd00::9")
                .record("sick.hello")
                .build());
        client = client(server);
    }

    @AfterEach
    void stop() throws IOException {
        fixture.close();
    }

    private static List<String> addresses(Message reply) {
        return reply.getSection(Section.ANSWER).stream()
                .map(record -> switch (record) {
                    case ARecord a -> a.getAddress().getHostAddress();
                    case AAAARecord aaaa -> aaaa.getAddress().getHostAddress();
                    default -> record.toString();
                })
                .toList();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "httpserver.hello.rancher.internal.",
                "httpserver.hello.",
                "HTTPserver.Hello.Rancher.INTERNAL.",
                "hTTpServer.HELLO."
            })
    void answersAServiceWithAndWithoutZoneInTheCaseOfTheAsker(String name) {
        for (Message reply : List.of(client.ask(name, Type.A), client.tcp(DnsClient.query(name, Type.A)))) {
            assertThat(reply.getRcode()).isEqualTo(Rcode.NOERROR);
            assertThat(DnsClient.authoritative(reply)).isTrue();
            assertThat(DnsClient.flag(reply, Flags.RD)).isTrue();
            assertThat(DnsClient.flag(reply, Flags.RA)).isFalse();
            assertThat(addresses(reply)).containsExactlyInAnyOrder("10.42.1.3", "10.42.2.3", "10.42.3.3");
            assertThat(reply.getQuestion().getName().toString()).isEqualTo(name);
            assertThat(reply.getSection(Section.ANSWER)).allSatisfy(record -> {
                assertThat(record.getName().toString()).isEqualTo(name);
                assertThat(record.getTTL()).isEqualTo(5);
            });
        }
    }

    @Test
    void answersAContainerName() {
        assertThat(addresses(client.ask("web1.rancher.internal.", Type.A))).containsExactly("10.42.1.2");
        assertThat(addresses(client.ask("web1.", Type.A))).containsExactly("10.42.1.2");
    }

    @Test
    void answersIpv6AddressesToAaaaOnly() {
        assertThat(addresses(client.ask("six.hello.", Type.AAAA))).hasSize(2);
        assertNoData(client.ask("six.hello.", Type.A), "six.hello.");
        assertThat(addresses(client.ask("both.hello.", Type.A))).containsExactly("10.42.1.9");
        assertThat(addresses(client.ask("both.hello.", Type.AAAA))).hasSize(1);
    }

    @Test
    void startsEachAnswerOneAddressFurther() {
        Set<String> firsts = new HashSet<>();
        String previous = "";
        for (int i = 0; i < 3; i++) {
            // An AAAA question between two A questions, as resolvers send them, must not disturb the turn.
            client.ask("httpserver.hello.", Type.AAAA);
            List<String> answer = addresses(client.ask("httpserver.hello.", Type.A));
            assertThat(previous).isNotEqualTo(answer.getFirst());
            previous = answer.getFirst();
            firsts.add(previous);
        }
        assertThat(firsts).hasSize(3);
    }

    @ParameterizedTest
    @CsvSource({
        "httpserver.hello.rancher.internal., AAAA, rancher.internal.",
        "httpserver.hello., AAAA, httpserver.hello.",
        "httpserver.hello.rancher.internal., MX, rancher.internal.",
        "httpserver.hello.rancher.internal., TYPE666, rancher.internal.",
        "httpserver.hello.rancher.internal., SOA, rancher.internal.",
        "httpserver.hello.rancher.internal., NS, rancher.internal.",
        "sick.hello.rancher.internal., A, rancher.internal.",
        "sick.hello.rancher.internal., ANY, rancher.internal.",
        "hello.rancher.internal., A, rancher.internal.",
        "hello.rancher.internal., AAAA, rancher.internal.",
        "rancher.internal., A, rancher.internal.",
        "rancher.internal., DS, rancher.internal."
    })
    void saysNoDataForNamesThatExist(String name, String type, String soaOwner) {
        assertNoData(client.ask(name, Type.value(type)), soaOwner);
    }

    private static void assertNoData(Message reply, String soaOwner) {
        assertThat(reply.getRcode()).isEqualTo(Rcode.NOERROR);
        assertThat(reply.getSection(Section.ANSWER)).isEmpty();
        assertSoa(reply, soaOwner);
    }

    private static void assertSoa(Message reply, String owner) {
        assertThat(DnsClient.authoritative(reply)).isTrue();
        List<Record> authority = reply.getSection(Section.AUTHORITY);
        assertThat(authority).hasSize(1);
        SOARecord soa = (SOARecord) authority.getFirst();
        assertThat(soa.getName()).hasToString(owner);
        assertThat(soa.getTTL()).isEqualTo(1);
        assertThat(soa.getMinimum()).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({
        "nobody.rancher.internal., A",
        "nobody.rancher.internal., AAAA",
        "nobody.rancher.internal., ANY",
        "nobody.hello.rancher.internal., A",
        "below.web1.rancher.internal., A",
        "httpserver.hello.foo.rancher.internal., A",
        "www.example.com.hello.rancher.internal., A"
    })
    void saysNxdomainForNamesThatDoNotExistWhateverTheType(String name, String type) {
        Message reply = client.ask(name, Type.value(type));
        assertThat(reply.getRcode()).isEqualTo(Rcode.NXDOMAIN);
        assertSoa(reply, "rancher.internal.");
    }

    @Test
    void knowsItsApex() {
        Message soa = client.ask("rancher.internal.", Type.SOA);
        assertThat(soa.getSection(Section.ANSWER)).singleElement().isInstanceOf(SOARecord.class);
        assertThat(DnsClient.authoritative(soa)).isTrue();
        Message ns = client.ask("rancher.internal.", Type.NS);
        NSRecord server = (NSRecord) ns.getSection(Section.ANSWER).getFirst();
        assertThat(addresses(client.ask(server.getTarget().toString(), Type.A))).containsExactly("127.0.0.1");
    }

    @Test
    void answersAnyWithOneRrset() {
        assertThat(addresses(client.ask("both.hello.", Type.ANY))).containsExactly("10.42.1.9");
        assertThat(addresses(client.ask("six.hello.", Type.ANY))).hasSize(2);
        assertThat(client.ask("rancher.internal.", Type.ANY).getSection(Section.ANSWER))
                .singleElement()
                .isInstanceOf(SOARecord.class);
    }

    @Test
    void refusesOtherClassesAndTransfers() {
        Message chaos =
                Message.newQuery(Record.newRecord(Name.fromConstantString("version.bind."), Type.TXT, DClass.CH));
        assertThat(client.udp(chaos).getRcode()).isEqualTo(Rcode.REFUSED);
        assertThat(client.tcp(DnsClient.query("rancher.internal.", Type.AXFR)).getRcode())
                .isEqualTo(Rcode.REFUSED);
        assertThat(client.ask("rancher.internal.", Type.AXFR).getRcode()).isEqualTo(Rcode.FORMERR);
        assertThat(client.ask("rancher.internal.", Type.IXFR).getRcode()).isEqualTo(Rcode.REFUSED);
    }

    @Test
    void withoutUpstreamOtherNamesDoNotExist() {
        Message reply = client.ask("example.com.", Type.A);
        assertThat(reply.getRcode()).isEqualTo(Rcode.NXDOMAIN);
        assertThat(DnsClient.authoritative(reply)).isFalse();
        assertThat(reply.getSection(Section.AUTHORITY)).isEmpty();
    }

    @Test
    void forwardsOtherNamesToAnotherServer() {
        DnsServer upstream = fixture.server();
        upstream.apply(
                config().zone("example.com").record("www", "192.0.2.80").ttl(77).build());
        server.apply(config().record("web1", "10.42.1.2")
                .forward(upstream.status().addresses().getFirst())
                .build());
        client = client(server);

        for (Message query : List.of(
                DnsClient.query("wWw.eXample.com.", Type.A),
                DnsClient.ednsQuery("wWw.eXample.com.", Type.A, 4096, 0, 0x8000))) {
            for (Message reply : List.of(client.udp(query), client.tcp(query))) {
                assertThat(reply.getRcode()).isEqualTo(Rcode.NOERROR);
                assertThat(addresses(reply)).containsExactly("192.0.2.80");
                assertThat(reply.getSection(Section.ANSWER).getFirst().getTTL()).isEqualTo(77);
                assertThat(reply.getSection(Section.ANSWER).getFirst().getName())
                        .hasToString("wWw.eXample.com.");
            }
        }
        assertThat(client.ask("missing.example.com.", Type.A).getRcode()).isEqualTo(Rcode.NXDOMAIN);
        assertThat(addresses(client.ask("web1.", Type.A))).containsExactly("10.42.1.2");
    }
}
