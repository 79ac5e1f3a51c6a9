package dev.drover.dns;

import static dev.drover.dns.DnsFixture.client;
import static dev.drover.dns.DnsFixture.config;
import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Transport;
import dev.drover.dns.path.ResponseRate;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.xbill.DNS.CookieOption;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/** Cookies, and the limit of replies over UDP. */
@Timeout(60)
final class GuardTest {
    private static final byte[] CLIENT_COOKIE = {1, 2, 3, 4, 5, 6, 7, 8};

    private final DnsFixture fixture = new DnsFixture(Transport.EPOLL);
    private final DnsServer server = fixture.server();

    @AfterEach
    void stop() throws IOException {
        fixture.close();
    }

    private static Message withCookie(byte @Nullable [] serverCookie) {
        Message query = DnsClient.query("web1.", Type.A);
        CookieOption cookie =
                serverCookie == null ? new CookieOption(CLIENT_COOKIE) : new CookieOption(CLIENT_COOKIE, serverCookie);
        query.addRecord(new OPTRecord(1232, 0, 0, 0, cookie), Section.ADDITIONAL);
        return query;
    }

    private static byte[] serverCookie(Message reply) {
        CookieOption cookie = (CookieOption) reply.getOPT().getOptions(10).getFirst();
        assertThat(cookie.getClientCookie()).isEqualTo(CLIENT_COOKIE);
        return cookie.getServerCookie().orElseThrow();
    }

    /** One reply a second, and those above it truncated. */
    private DnsClient limited(int slip) {
        server.apply(config().record("web1", "10.42.1.2")
                .rate(new ResponseRate.Rule(1, slip, 24, 56))
                .build());
        return client(server);
    }

    @Test
    void repliesCarryAServerCookie() {
        server.apply(config().record("web1", "10.42.1.2").build());
        byte[] cookie = serverCookie(client(server).udp(withCookie(null)));
        assertThat(cookie).hasSize(16).startsWith(1, 0, 0, 0);
        assertThat(serverCookie(client(server).tcp(withCookie(cookie)))).hasSize(16);
    }

    @Test
    void repliesAboveTheRateAskForTcpWhichIsNotLimited() {
        DnsClient client = limited(1);
        boolean truncated = false;
        for (int i = 0; i < 10 && !truncated; i++) {
            Message reply = client.ask("web1.", Type.A);
            assertThat(reply.getRcode()).isEqualTo(Rcode.NOERROR);
            truncated = DnsClient.flag(reply, Flags.TC);
            assertThat(reply.getSection(Section.ANSWER)).hasSize(truncated ? 0 : 1);
        }
        assertThat(truncated).isTrue();
        for (int i = 0; i < 10; i++) {
            assertThat(client.tcp(DnsClient.query("web1.", Type.A)).getSection(Section.ANSWER))
                    .hasSize(1);
        }
    }

    @Test
    void whoShowsACookieOfOursIsNotLimited() {
        DnsClient client = limited(1);
        byte[] cookie = serverCookie(client.tcp(withCookie(null)));
        for (int i = 0; i < 20; i++) {
            assertThat(client.udp(withCookie(cookie)).getSection(Section.ANSWER))
                    .hasSize(1);
        }
        byte[] forged = cookie.clone();
        forged[15] ^= 1;
        assertThat(DnsClient.flag(client.udp(withCookie(forged)), Flags.TC)).isTrue();
    }

    @Test
    void withoutSlipRepliesAboveTheRateAreNotSent() {
        DnsClient client = limited(0);
        byte[] query = DnsClient.query("web1.", Type.A).toWire();
        int silent = 0;
        for (int i = 0; i < 8; i++) {
            silent += client.udp(query, 100) == null ? 1 : 0;
        }
        assertThat(silent).isPositive();
    }

    @Test
    void servesOverIpv6() throws IOException {
        server.apply(config().binds(new InetSocketAddress(InetAddress.ofLiteral("::1"), 0))
                .record("web1", "10.42.1.2", "fd00::2")
                .forward(fixture.own(FakeUpstream.of("192.0.2.1")).address())
                .rate(new ResponseRate.Rule(1_000, 2, 24, 56))
                .build());
        assertThat(client(server).ask("example.com.", Type.A).getSection(Section.ANSWER))
                .as("answered later")
                .hasSize(1);
        for (int type : new int[] {Type.A, Type.AAAA}) {
            assertThat(client(server).ask("web1.", type).getSection(Section.ANSWER))
                    .hasSize(1);
            assertThat(client(server).tcp(DnsClient.query("web1.", type)).getSection(Section.ANSWER))
                    .hasSize(1);
        }
        assertThat(serverCookie(client(server).udp(withCookie(null)))).hasSize(16);
    }

    @Test
    void theWildcardServesBothFamilies() throws IOException {
        server.apply(config().binds(new InetSocketAddress(InetAddress.ofLiteral("0.0.0.0"), 0))
                .record("web1", "10.42.1.2")
                .forward(fixture.own(FakeUpstream.of("192.0.2.1")).address())
                .build());
        int port = server.status().addresses().getFirst().getPort();
        for (String to : new String[] {"127.0.0.1", "::1"}) {
            DnsClient client = new DnsClient(new InetSocketAddress(InetAddress.ofLiteral(to), port));
            for (String name : new String[] {"web1.", to.length() + ".example.com."}) {
                assertThat(client.ask(name, Type.A).getSection(Section.ANSWER))
                        .as("%s over %s", name, to)
                        .hasSize(1);
            }
        }
    }
}
