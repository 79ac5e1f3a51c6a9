package dev.drover.dns;

import static dev.drover.dns.DnsFixture.client;
import static dev.drover.dns.DnsFixture.config;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Transport;
import dev.drover.dns.resolve.CachePolicy;
import dev.drover.dns.resolve.Timing;
import java.io.IOException;
import java.net.InetAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.ExtendedErrorCodeOption;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/** Answers of upstreams are kept, as clients and upstreams see it. */
@Timeout(60)
final class CacheTest {
    private static final Timing QUICK = new Timing(400, 100, 900, 700, 250, 60_000);

    private final DnsFixture fixture = new DnsFixture(Transport.EPOLL);
    private final DnsServer server = fixture.server();
    private final AtomicReference<Behaviour> behaviour = new AtomicReference<>(Behaviour.ANSWER);
    private final AtomicInteger ttl = new AtomicInteger(300);
    private FakeUpstream upstream;
    private DnsClient client;

    private enum Behaviour {
        ANSWER,
        SILENT,
        SERVFAIL,
        NXDOMAIN,
        SLOW
    }

    private void serve() throws IOException {
        serve(CachePolicy.DEFAULT);
    }

    private void serve(CachePolicy policy) throws IOException {
        upstream = fixture.own(new FakeUpstream((query, tcp) -> switch (behaviour.get()) {
            case ANSWER -> List.of(answer(query));
            case SILENT -> List.of();
            case SERVFAIL -> List.of(FakeUpstream.reply(query, Rcode.SERVFAIL).toWire());
            case NXDOMAIN -> List.of(nxdomain(query));
            case SLOW -> {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(600));
                yield List.of(answer(query));
            }
        }));
        server.apply(
                config().forward(upstream.address()).timing(QUICK).cache(policy).build());
        client = client(server);
    }

    private byte[] answer(byte[] query) {
        Message reply = FakeUpstream.reply(query, Rcode.NOERROR);
        reply.addRecord(
                new ARecord(reply.getQuestion().getName(), DClass.IN, ttl.get(), InetAddress.ofLiteral("192.0.2.1")),
                Section.ANSWER);
        return reply.toWire();
    }

    private byte[] nxdomain(byte[] query) {
        Message reply = FakeUpstream.reply(query, Rcode.NXDOMAIN);
        Name zone = Name.fromConstantString("com.");
        reply.addRecord(new SOARecord(zone, DClass.IN, 900, zone, zone, 1, 1, 1, 1, ttl.get()), Section.AUTHORITY);
        return reply.toWire();
    }

    @AfterEach
    void stop() throws IOException {
        fixture.close();
    }

    private Message edns(String name) {
        return client.udp(DnsClient.ednsQuery(name, Type.A, 1232, 0, 0));
    }

    private static int extendedError(Message reply) {
        return ((ExtendedErrorCodeOption) reply.getOPT().getOptions(15).getFirst()).getErrorCode();
    }

    @Test
    void oneQuestionToTheUpstreamServesEverybody() throws IOException {
        serve();
        // Each from a port of its own, so from both lanes, over both transports and in any case of letters.
        for (String name : List.of("example.com.", "Example.COM.", "EXAMPLE.com.")) {
            for (int i = 0; i < 8; i++) {
                Message query = DnsClient.query(name, Type.A);
                for (Message reply : List.of(client.udp(query), client.tcp(query))) {
                    assertThat(reply.getHeader().getID())
                            .isEqualTo(query.getHeader().getID());
                    assertThat(reply.getQuestion().getName()).hasToString(name);
                    Record answer = reply.getSection(Section.ANSWER).getFirst();
                    assertThat(answer.getName()).hasToString(name);
                    assertThat(answer.getTTL()).isBetween(240L, 300L);
                }
            }
        }
        assertThat(upstream.received).hasSize(1);
        assertThat(server.status().cache().entries()).isPositive();
        assertThat(server.status().cache().hitRatio()).isBetween(0.9, 1.0);
    }

    @Test
    void ttlsCountDownAndThenTheUpstreamIsAskedAgain() throws IOException {
        ttl.set(3);
        serve(new CachePolicy(1 << 20, 0, 3_600, 60, 0, false));
        client.ask("example.com.", Type.A);
        await().until(() -> client.ask("example.com.", Type.A)
                        .getSection(Section.ANSWER)
                        .getFirst()
                        .getTTL()
                == 1);
        assertThat(upstream.received).hasSize(1);
        await().until(() -> {
            client.ask("example.com.", Type.A);
            return upstream.received.size() == 2;
        });
    }

    @Test
    void thatANameDoesNotExistIsKept() throws IOException {
        behaviour.set(Behaviour.NXDOMAIN);
        serve();
        for (int i = 0; i < 4; i++) {
            Message reply = client.ask("missing.example.com.", Type.A);
            assertThat(reply.getRcode()).isEqualTo(Rcode.NXDOMAIN);
            assertThat(reply.getSection(Section.AUTHORITY)).hasSize(1);
        }
        assertThat(upstream.received).hasSize(1);
    }

    @Test
    void answersPastTheirTimeStandInForADeadUpstream() throws IOException {
        ttl.set(1);
        serve();
        client.ask("example.com.", Type.A);
        behaviour.set(Behaviour.SILENT);
        await().until(() -> edns("example.com.").getOPT().getOptions(15).size() == 1);
        Message stale = edns("example.com.");
        assertThat(stale.getRcode()).isEqualTo(Rcode.NOERROR);
        assertThat(stale.getSection(Section.ANSWER).getFirst().getTTL()).isEqualTo(30);
        assertThat(extendedError(stale)).isEqualTo(3);
        behaviour.set(Behaviour.ANSWER);
        await().until(() -> edns("example.com.").getOPT().getOptions(15).isEmpty());
    }

    @Test
    void answersPastTheirTimeStandInForAnUpstreamThatFails() throws IOException {
        ttl.set(1);
        serve();
        client.ask("example.com.", Type.A);
        behaviour.set(Behaviour.SERVFAIL);
        await().until(() -> edns("example.com.").getOPT().getOptions(15).size() == 1);
        assertThat(edns("example.com.").getRcode()).isEqualTo(Rcode.NOERROR);
        assertThat(edns("other.example.com.").getRcode()).isEqualTo(Rcode.SERVFAIL);
    }

    @Test
    void answersPastTheirTimeStandInForASlowUpstreamWhichIsHeardAllTheSame() throws IOException {
        ttl.set(1);
        serve();
        client.ask("example.com.", Type.A);
        behaviour.set(Behaviour.SLOW);
        await().until(() -> edns("example.com.").getOPT().getOptions(15).size() == 1);
        ttl.set(300);
        await().until(() -> {
            Message reply = edns("example.com.");
            return reply.getOPT().getOptions(15).isEmpty()
                    && reply.getSection(Section.ANSWER).getFirst().getTTL() > 100;
        });
    }

    @Test
    void answersPastTheirTimeAreNotUsedWhenThatIsNotWanted() throws IOException {
        ttl.set(1);
        serve(new CachePolicy(1 << 20, 0, 3_600, 60, 0, false));
        client.ask("example.com.", Type.A);
        behaviour.set(Behaviour.SILENT);
        await().until(() -> client.ask("example.com.", Type.A).getRcode() == Rcode.SERVFAIL);
    }

    @Test
    void popularAnswersAreFetchedAnewBeforeTheirEnd() throws IOException {
        ttl.set(4);
        serve();
        client.ask("example.com.", Type.A);
        int asked = upstream.received.size();
        await().until(() -> {
            // Never gone: the answer is renewed while it can still be given.
            assertThat(edns("example.com.").getOPT().getOptions(15)).isEmpty();
            return upstream.received.size() > asked;
        });
        assertThat(server.status().cache().hitRatio()).isPositive();
    }

    @Test
    void otherUpstreamsAreAskedAnew() throws IOException {
        serve();
        client.ask("example.com.", Type.A);
        FakeUpstream other = fixture.own(FakeUpstream.of("192.0.2.9"));
        server.apply(config().forward(other.address()).build());
        client.ask("example.com.", Type.A);
        assertThat(other.received).hasSize(1);
    }

    @Test
    void aChangeOfNamesKeepsTheCache() throws IOException {
        serve();
        client.ask("example.com.", Type.A);
        server.apply(config().record("web1", "10.42.1.2")
                .forward(upstream.address())
                .timing(QUICK)
                .build());
        client.ask("example.com.", Type.A);
        assertThat(upstream.received).hasSize(1);
    }
}
