package dev.drover.dns;

import static dev.drover.dns.DnsFixture.client;
import static dev.drover.dns.DnsFixture.config;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.drover.dataplane.Transport;
import dev.drover.dns.path.Limits;
import dev.drover.dns.resolve.CachePolicy;
import dev.drover.dns.resolve.Timing;
import io.netty.util.ResourceLeakDetector;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.LoggerFactory;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Type;

/** Every buffer is given back, also those of dropped queries, lies of upstreams and a server closed in flight. */
@Timeout(60)
final class LeakTest {
    @ParameterizedTest
    @EnumSource(Transport.class)
    void leaksNoBuffer(Transport transport) throws IOException {
        assertThat(ResourceLeakDetector.getLevel())
                .as("run with -Dio.netty.leakDetection.level=paranoid")
                .isEqualTo(ResourceLeakDetector.Level.PARANOID);
        Logger logger = (Logger) LoggerFactory.getLogger(ResourceLeakDetector.class);
        ListAppender<ILoggingEvent> reports = new ListAppender<>();
        reports.start();
        logger.addAppender(reports);
        try {
            for (int round = 0; round < 3; round++) {
                useEverything(transport);
                System.gc(); // leaks are found when their buffer is collected and reported with the next one made
            }
            useEverything(transport);
        } finally {
            logger.detachAppender(reports);
        }
        assertThat(reports.list).extracting(ILoggingEvent::getFormattedMessage).isEmpty();
    }

    private static void useEverything(Transport transport) throws IOException {
        DnsFixture fixture = new DnsFixture(transport);
        FakeUpstream lying = fixture.own(new FakeUpstream((query, tcp) -> {
            Message truth = FakeUpstream.reply(query, Rcode.NOERROR, "192.0.2.1");
            return List.of(new byte[5], new byte[100], truth.toWire(), truth.toWire());
        }));
        FakeUpstream silent = fixture.own(FakeUpstream.silent());
        DnsServer server = fixture.server();
        Limits limits = new Limits(4, 4, 4, 2, 500);
        Timing timing = new Timing(200, 50, 300, 200, 100, 100);
        server.apply(config().record("web1", "10.42.1.2")
                .forward(lying.address())
                .limits(limits)
                .timing(timing)
                .cache(CachePolicy.NONE)
                .build());
        DnsClient client = client(server);
        for (int i = 0; i < 50; i++) {
            client.ask("web1.", Type.A);
            client.tcp(DnsClient.query("example.com.", Type.A));
            client.ask("example.com.", Type.A);
            client.udp(new byte[30], 1_000);
        }
        client.udp(new byte[5], 20);
        server.apply(config().record("web1", "10.42.1.2")
                .forward(silent.address())
                .limits(limits)
                .timing(timing)
                .build());
        for (int i = 0; i < 10; i++) {
            client.udp(DnsClient.query("example.com.", Type.A).toWire(), 5);
        }
        DnsClient.Tcp half = client.connect();
        half.out.write(new byte[] {0, 20, 1});
        fixture.close();
        half.close();
    }
}
