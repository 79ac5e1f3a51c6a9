package dev.drover.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.admin.AdminServer;
import dev.drover.node.admin.Query;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import picocli.CommandLine;

@Timeout(30)
final class OverlayCommandTest {
    private final StringWriter out = new StringWriter();
    private AdminServer admin;

    private static Map<String, Object> row(Object... pairs) {
        Map<String, Object> row = new TreeMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            row.put((String) pairs[i], pairs[i + 1]);
        }
        return row;
    }

    @BeforeEach
    void start() {
        Map<String, Supplier<Object>> tables = Map.of(
                "/overlay/peers",
                () -> List.of(
                        row(
                                "vtep",
                                "192.0.2.2",
                                "learns",
                                false,
                                "subnets",
                                List.of("10.42.2.0/24", "10.42.3.0/24"),
                                "superFrames",
                                true,
                                "obstacle",
                                null,
                                "remoteChecksum",
                                true,
                                "txPackets",
                                5,
                                "session",
                                row(
                                        "state",
                                        "HANDSHAKE",
                                        "attempts",
                                        3,
                                        "refusal",
                                        "keys do not fit",
                                        "refusedMs",
                                        9_100,
                                        "plaintextPackets",
                                        7),
                                "silentMs",
                                3_999),
                        row(
                                "vtep",
                                "192.0.2.3",
                                "learns",
                                true,
                                "subnets",
                                List.of(),
                                "superFrames",
                                false,
                                "obstacle",
                                "no route",
                                "silentMs",
                                null)),
                "/overlay/fdb",
                () -> List.of(row(
                        "mac",
                        "02:00:00:00:00:01",
                        "address",
                        null,
                        "vtep",
                        "192.0.2.2",
                        "port",
                        null,
                        "known",
                        "LEARNED",
                        "revision",
                        null,
                        "ageMs",
                        12_345)),
                "/overlay/drops",
                () -> List.of(
                        row("reason", "runt", "count", 0, "meaning", "short", "advice", "none"),
                        row("reason", "oversize", "count", 7, "meaning", "long", "advice", "attach again")));
        admin = AdminServer.start(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new PrometheusRegistry(),
                tables,
                Map.of("/overlay/trace", OverlayCommandTest::trace));
    }

    private static Object trace(Query query) {
        query.only("address", "from");
        if (!"10.42.2.7".equals(query.value("address"))) {
            throw new Query.BadQueryException("address: " + query.value("address") + " (expected: IPv4 a.b.c.d)");
        }
        return row(
                "address",
                query.value("address"),
                "verdict",
                "SENT",
                "vteps",
                List.of("192.0.2.2"),
                "steps",
                List.of(row("what", "block", "finding", "10.42.2.0/24 of peer 192.0.2.2")),
                "policy",
                query.value("from") == null
                        ? null
                        : row("allowed", false, "answers", true, "reason", "no rule fits, denied by default"));
    }

    @AfterEach
    void close() {
        admin.close();
    }

    private int run(String... arguments) {
        CommandLine commandLine = new CommandLine(new OverlayCommand());
        commandLine.setOut(new PrintWriter(out));
        commandLine.setExecutionExceptionHandler((exception, command, _) -> {
            command.getOut().print(exception.getMessage());
            command.getOut().flush();
            return 1;
        });
        return commandLine.execute(arguments);
    }

    private String here() {
        return "127.0.0.1:" + admin.address().getPort();
    }

    @Test
    void peersAreListedWithTheReasonForNoSuperFrames() {
        assertThat(run("peers", "--admin", here())).isZero();
        assertThat(out.toString().lines().map(line -> line.replaceAll(" {3,}", "|")))
                .containsExactly(
                        "VTEP|KIND|SUBNETS|SUPER|TX PACKETS|TX BYTES|RX PACKETS|RX BYTES|HEARD|PATH|PATH MTU|CHECKSUMS|ENCRYPTION|WHY NOT SUPER",
                        "192.0.2.2|configured|10.42.2.0/24, 10.42.3.0/24|yes|5|0|0|0|3 s ago|-|-|left|no session, 3 handshakes unanswered; refused 9 s ago: keys do not fit;"
                                + " 7 plaintext packets refused|-",
                        "192.0.2.3|foreign|-|no|0|0|0|0|never|-|-|sent|none|no route");
    }

    @Test
    void fdbSaysHowAMacIsKnown() {
        assertThat(run("fdb", "--admin", here())).isZero();
        assertThat(out.toString()).contains("02:00:00:00:00:01   -", "192.0.2.2", "learned", "12 s ago");
    }

    @Test
    void dropsThatHappenedAreExplained() {
        assertThat(run("drops", "--admin", here())).isZero();
        assertThat(out.toString())
                .contains("oversize", "7", "long", "attach again")
                .doesNotContain("runt");
        assertThat(run("drops", "--all", "--admin", here())).isZero();
        assertThat(out.toString()).contains("runt");
    }

    @Test
    void traceTellsStepsAndVerdict() {
        assertThat(run("trace", "10.42.2.7", "--from", "10.42.1.2", "--admin", here()))
                .isZero();
        assertThat(out.toString().lines().map(line -> line.replaceAll(" {2,}", "|")))
                .containsExactly(
                        "STEP|FINDING",
                        "block|10.42.2.0/24 of peer 192.0.2.2",
                        "policy|no rule fits, denied by default",
                        "verdict|sent to peer 192.0.2.2, dropped at the container's port: policy_denied unless it is an"
                                + " answer");
    }

    @Test
    void jsonIsTheNodesAnswer() throws Exception {
        assertThat(run("trace", "10.42.2.7", "--json", "--admin", here())).isZero();
        assertThat(ApiClient.MAPPER.readTree(out.toString()).path("verdict").asText())
                .isEqualTo("SENT");
    }

    @Test
    void whatTheNodeRefusesIsTold() {
        assertThat(run("trace", "nonsense&x=1", "--admin", here())).isEqualTo(1);
        assertThat(out).hasToString("address: nonsense&x=1 (expected: IPv4 a.b.c.d)");
    }

    @Test
    void withoutANodeTheErrorSaysWhatIsMissing() throws Exception {
        int free;
        try (ServerSocket socket = new ServerSocket(0)) {
            free = socket.getLocalPort();
        }
        assertThat(run("peers", "--admin", "127.0.0.1:" + free)).isEqualTo(1);
        assertThat(out)
                .hasToString("no node at 127.0.0.1:" + free + " (expected: a running drover node; --admin HOST:PORT)");
    }

    @Test
    void anAddressThatIsNoneIsRefused() {
        assertThat(run("peers", "--admin", "here/../x:1")).isEqualTo(1);
        assertThat(out).hasToString("admin: here/../x:1 (expected: HOST:PORT)");
    }
}
