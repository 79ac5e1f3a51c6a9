package dev.drover.dns;

import static dev.drover.dns.DnsFixture.client;
import static dev.drover.dns.DnsFixture.config;
import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Transport;
import java.io.IOException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xbill.DNS.EDNSOption;
import org.xbill.DNS.Flags;
import org.xbill.DNS.GenericEDNSOption;
import org.xbill.DNS.Message;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/** EDNS (RFC 6891) as the compliance tests of ISC probe it, and what fits into a datagram. */
@Timeout(30)
abstract class EdnsContract {
    private static final String MANY = "many.hello.rancher.internal.";
    private static final int HEADER_AND_QUESTION = 12 + 29 + 4;

    private final DnsFixture fixture = new DnsFixture(transport());
    private DnsServer server;
    private DnsClient client;

    abstract Transport transport();

    @BeforeEach
    void serve() {
        server = fixture.server();
        server.apply(config().record("web1", "10.42.1.2")
                .record("many.hello", addresses("10.42.3.%d", 200))
                .record("six.many", addresses("fd00::%x", 200))
                .build());
        client = client(server);
    }

    @AfterEach
    void stop() throws IOException {
        fixture.close();
    }

    private static String[] addresses(String pattern, int count) {
        return IntStream.rangeClosed(1, count)
                .mapToObj(i -> String.format(pattern, i))
                .toArray(String[]::new);
    }

    @Test
    void withoutOptThereIsNoOptInTheReply() {
        assertThat(client.ask("web1.", Type.A).getOPT()).isNull();
    }

    @ParameterizedTest
    @CsvSource({"512, 0x0000", "0, 0x0000", "4096, 0x8000", "65535, 0xffff", "1232, 0x7fff"})
    void repliesWithItsOwnPayloadSizeAndTheDoBitOnly(int payload, String flags) {
        Message reply = client.udp(DnsClient.ednsQuery("web1.", Type.A, payload, 0, Integer.decode(flags)));
        assertThat(reply.getRcode()).isEqualTo(Rcode.NOERROR);
        assertThat(reply.getSection(Section.ANSWER)).hasSize(1);
        OPTRecord opt = reply.getOPT();
        assertThat(opt.getPayloadSize()).isEqualTo(1232);
        assertThat(opt.getVersion()).isZero();
        assertThat(opt.getFlags()).isEqualTo(Integer.decode(flags) & 0x8000);
        assertThat(opt.getOptions()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"1", "100", "255"})
    void refusesOtherVersionsWithoutAnswer(int version) {
        Message reply = client.udp(DnsClient.ednsQuery("web1.", Type.A, 4096, version, 0x8000));
        assertThat(reply.getRcode()).isEqualTo(Rcode.BADVERS);
        assertThat(reply.getOPT().getVersion()).isZero();
        assertThat(reply.getSection(Section.ANSWER)).isEmpty();
        assertThat(reply.getQuestion().getName()).hasToString("web1.");
    }

    @Test
    void ignoresOptionsThatItDoesNotKnow() {
        EDNSOption unknown = new GenericEDNSOption(100, new byte[] {1, 2, 3});
        Message query = DnsClient.query("web1.", Type.A);
        query.addRecord(new OPTRecord(4096, 0, 0, 0, unknown), Section.ADDITIONAL);
        Message reply = client.udp(query);
        assertThat(reply.getSection(Section.ANSWER)).hasSize(1);
        assertThat(reply.getOPT().getOptions()).isEmpty();
    }

    @Test
    void errorsCarryOptToo() {
        Message reply = client.udp(DnsClient.ednsQuery("nobody.rancher.internal.", Type.A, 4096, 0, 0));
        assertThat(reply.getRcode()).isEqualTo(Rcode.NXDOMAIN);
        assertThat(reply.getOPT()).isNotNull();
    }

    @ParameterizedTest
    @CsvSource({"0, 512", "100, 512", "512, 512", "800, 800", "1232, 1232", "4096, 1232", "65535, 1232"})
    void sendsTheWholeRecordsThatFitAndTc(int payload, int limit) {
        Message reply = client.udp(DnsClient.ednsQuery(MANY, Type.A, payload, 0, 0));
        assertThat(DnsClient.flag(reply, Flags.TC)).isTrue();
        assertThat(reply.getSection(Section.ANSWER)).hasSize((limit - HEADER_AND_QUESTION - 11) / 16);
        assertThat(reply.numBytes()).isBetween(limit - 15, limit);
        assertThat(reply.getOPT()).isNotNull();
    }

    @Test
    void sendsAtMost512BytesWithoutEdns() {
        Message reply = client.ask(MANY, Type.A);
        assertThat(DnsClient.flag(reply, Flags.TC)).isTrue();
        assertThat(reply.getSection(Section.ANSWER)).hasSize((512 - HEADER_AND_QUESTION) / 16);
        assertThat(reply.numBytes()).isLessThanOrEqualTo(512);
        Message six = client.ask("six.many.rancher.internal.", Type.AAAA);
        assertThat(DnsClient.flag(six, Flags.TC)).isTrue();
        assertThat(six.numBytes()).isBetween(512 - 27, 512);
    }

    @Test
    void sendsAllOverTcp() {
        for (String name : new String[] {MANY, "six.many."}) {
            int type = name.equals(MANY) ? Type.A : Type.AAAA;
            Message reply = client.tcp(DnsClient.query(name, type));
            assertThat(DnsClient.flag(reply, Flags.TC)).isFalse();
            assertThat(reply.getSection(Section.ANSWER)).hasSize(200);
        }
    }

    @Test
    void sendsAPartWithoutTcWhenTcpCannotCarryAll() {
        String[] all = IntStream.range(0, 5_000)
                .mapToObj(i -> "10.42." + i / 250 + "." + (1 + i % 250))
                .toArray(String[]::new);
        server.apply(config().record("huge", all).build());
        Message reply = client.tcp(DnsClient.query("huge.", Type.A));
        assertThat(DnsClient.flag(reply, Flags.TC)).isFalse();
        assertThat(reply.getSection(Section.ANSWER)).hasSize((65_535 - 12 - 6 - 4) / 16);
    }
}
