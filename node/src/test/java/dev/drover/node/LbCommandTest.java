package dev.drover.node;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import dev.drover.lb.Balance;
import dev.drover.lb.LbConfig;
import dev.drover.lb.ListenerConfig;
import dev.drover.lb.LoadBalancer;
import dev.drover.lb.ObservationConfig;
import dev.drover.lb.PoolConfig;
import dev.drover.lb.Protocol;
import dev.drover.lb.RouteConfig;
import dev.drover.lb.TargetConfig;
import dev.drover.node.admin.AdminServer;
import dev.drover.node.cli.LbCommand;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import picocli.CommandLine;

/** {@code drover lb} against a load balancer that has served something. */
@Timeout(30)
final class LbCommandTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final CountDownLatch never = new CountDownLatch(1);
    private HttpServer origin;
    private Lanes lanes;
    private LoadBalancer lb;
    private AdminServer admin;

    @BeforeEach
    void start() throws Exception {
        origin = HttpServer.create(loopback(), 0);
        origin.createContext("/", exchange -> {
            try (exchange) {
                if (exchange.getRequestURI().getPath().equals("/slow")) {
                    never.await(50, TimeUnit.MILLISECONDS);
                }
                exchange.sendResponseHeaders(200, -1);
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
        });
        origin.start();
        lanes = Lanes.open(Transport.EPOLL, 1);
        lb = new LoadBalancer(lanes);
        PoolConfig shop = PoolConfig.of("shop", Balance.ROUND_ROBIN, List.of(TargetConfig.active(origin.getAddress())));
        lb.apply(new LbConfig(List.of(new ListenerConfig(
                        "web",
                        loopback(),
                        Protocol.HTTP,
                        List.of(RouteConfig.of("", "/in", shop), RouteConfig.of("", "/slow", shop)))
                .withObservation(ObservationConfig.DEFAULTS.withSlow(Duration.ofMillis(40))))));
        LbSight sight = new LbSight(lb);
        admin = AdminServer.start(loopback(), new PrometheusRegistry(), sight.tables(), sight.questions());
        get("/in");
        get("/slow");
        get("/out");
    }

    private static InetSocketAddress loopback() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    private void get(String path) throws Exception {
        InetSocketAddress bound = lb.status().getFirst().bound();
        assertThat(bound).isNotNull();
        try (HttpClient client = HttpClient.newHttpClient()) {
            client.send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + bound.getPort() + path))
                            .build(),
                    HttpResponse.BodyHandlers.discarding());
        }
    }

    @AfterEach
    void stop() {
        admin.close();
        lb.close();
        lanes.close();
        origin.stop(0);
    }

    private int run(String... arguments) {
        CommandLine command = new CommandLine(new LbCommand());
        command.setOut(new PrintWriter(out, true));
        command.setErr(new PrintWriter(err, true));
        String[] all = new String[arguments.length + 2];
        System.arraycopy(arguments, 0, all, 0, arguments.length);
        all[arguments.length] = "--admin";
        all[arguments.length + 1] = "127.0.0.1:" + admin.address().getPort();
        return command.execute(all);
    }

    private List<String> lines() {
        return out.toString()
                .lines()
                .map(line -> line.replaceAll(" +", " ").strip())
                .toList();
    }

    @Test
    void listenersTellWhatIsServedAndHowRequestsEnded() {
        assertThat(run("listeners")).isZero();
        assertThat(lines().getFirst())
                .isEqualTo("NAME PROTOCOL ADDRESS CONNECTIONS ROUTES TARGETS ENDED DATAGRAMS STATE");
        assertThat(lines().get(1)).matches("web http 127\\.0\\.0\\.1:\\d+ \\d 2 1 relayed 2, no_route 1 - ok");
    }

    @Test
    void targetsTellWorkFailuresAndTimes() {
        assertThat(run("targets")).isZero();
        assertThat(lines().getFirst())
                .isEqualTo("POOL ADDRESS PROTOCOL STATE WEIGHT ACTIVE REQUESTS FAILURES CONNECT FIRST BYTE TOTAL");
        assertThat(lines().get(1))
                .matches(
                        "shop 127\\.0\\.0\\.1:\\d+ http/1.1 active 1 0 2 - [0-9.]+ ms / [0-9.]+ ms [0-9.]+ ms / [0-9.]+ ms .* ms");
    }

    @Test
    void requestsTellTheLastTheSlowAndTheFailed() {
        assertThat(run("requests", "--limit", "2")).isZero();
        assertThat(lines()).hasSize(3);
        assertThat(lines().get(1)).contains("/out 404 no_route - 0");
        out.getBuffer().setLength(0);
        assertThat(run("requests", "--slow")).isZero();
        assertThat(lines()).anyMatch(line -> line.contains("/slow 200 relayed 127.0.0.1:"));
        out.getBuffer().setLength(0);
        assertThat(run("requests", "--failed", "--json")).isZero();
        assertThat(out.toString()).contains("\"outcome\" : \"no_route\"").doesNotContain("/in");
    }

    @Test
    void aLimitBeyondWhatIsKeptIsRefusedWithWhatWasExpected() {
        assertThat(run("requests", "--limit", "0")).isNotZero();
        assertThat(err.toString()).contains("limit: 0 (expected: 1 to 1000)");
    }
}
