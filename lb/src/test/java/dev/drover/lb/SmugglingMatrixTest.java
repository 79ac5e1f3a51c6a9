package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import dev.drover.lb.ForeignOrigin.Seen;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Request smuggling needs two parsers that do not agree. Here is ours in front of six of others: whatever a client sends,
 * each of them understands exactly the requests that we meant, and connections to it stay in step.
 */
@Tag("root") // runs the servers as nobody
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(60)
class SmugglingMatrixTest {
    private static final String HTTP_2 = "-h2";
    private static final int ONE_READ_BYTES = 1_400;

    private final Map<ForeignOrigin.Kind, ForeignOrigin> origins = new EnumMap<>(ForeignOrigin.Kind.class);
    private Lanes lanes;
    private LoadBalancer lb;

    @BeforeAll
    void start(@TempDir(cleanup = CleanupMode.ALWAYS) Path directory) throws Exception {
        for (ForeignOrigin.Kind kind : ForeignOrigin.Kind.values()) {
            origins.put(kind, new ForeignOrigin(kind, directory));
        }
        // One lane has one pool: a connection to an origin that is out of step is used again by the next request.
        lanes = Lanes.open(Transport.EPOLL, 1);
        lb = new LoadBalancer(lanes, LbSettings.DEFAULTS.withMaxBodyBytes(1_000_000));
        List<ListenerConfig> listeners = new ArrayList<>();
        for (ForeignOrigin origin : origins.values()) {
            origin.awaitReady();
            ListenerConfig http1 = new ListenerConfig(
                    origin.kind().name(),
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    Protocol.HTTP,
                    List.of(RouteConfig.everything(PoolConfig.of(
                            origin.kind().name(),
                            Balance.ROUND_ROBIN,
                            List.of(TargetConfig.active(origin.address()))))));
            listeners.add(http1);
            // The same pool: HTTP/1.1 and HTTP/2 share the connections to the origin.
            listeners.add(new ListenerConfig(
                    origin.kind() + HTTP_2,
                    http1.bind(),
                    Protocol.HTTP,
                    http1.routes(),
                    EntryConfig.PLAIN.withH2c(true)));
        }
        assertThat(lb.apply(new LbConfig(listeners)).problems()).isEmpty();
    }

    @AfterAll
    void end() throws Exception {
        for (ForeignOrigin origin : origins.values()) {
            origin.close();
        }
        lb.close();
        lanes.close();
    }

    private InetSocketAddress front(ForeignOrigin origin, String suffix) {
        return lb.status().stream()
                .filter(status -> status.name().equals(origin.kind() + suffix))
                .findFirst()
                .orElseThrow()
                .bound();
    }

    @ParameterizedTest
    @EnumSource(ForeignOrigin.Kind.class)
    void an_origin_sees_exactly_the_requests_that_were_meant(ForeignOrigin.Kind kind) throws Exception {
        ForeignOrigin origin = origins.get(kind);
        List<Seen> meant = new ArrayList<>();
        SoftAssertions softly = new SoftAssertions();
        try (Wire probe = new Wire(front(origin, ""))) {
            Map<String, Integer> refused = new LinkedHashMap<>(FramingTest.refused_requests());
            refused.putAll(DesyncCases.refused());
            // Of what takes several reads the head may be on its way before the fault comes: the origin sees it
            // aborted.
            refused.keySet().removeIf(bytes -> bytes.length() > ONE_READ_BYTES);
            for (Map.Entry<String, Integer> row : refused.entrySet()) {
                refuse(softly, origin, row.getKey(), row.getValue());
                probe(probe, row.getKey(), meant);
            }
            for (DesyncCases.Served row : DesyncCases.served()) {
                serve(softly, origin, row);
                meant.addAll(row.seen());
                probe(probe, row.bytes(), meant);
            }
            for (DesyncCases.H2 row : DesyncCases.http2()) {
                http2(softly, origin, row);
                if (row.seen() != null) {
                    meant.add(row.seen());
                }
                probe(probe, row.toString(), meant);
            }
        }
        softly.assertAll();
        // A log line may be written after the response.
        await().until(() -> origin.seen().size() >= meant.size());
        assertThat(origin.seen()).containsExactlyInAnyOrderElementsOf(meant);
    }

    /** Whether the connections to the origin are in step: the answer is that to this very request. */
    private static void probe(Wire probe, String behind, List<Seen> meant) throws IOException {
        String target = "/probe" + meant.size();
        Wire.Response response = probe.get(target);
        assertThat(response.status() + " " + response.body())
                .as("behind " + behind)
                .isEqualTo("200 " + target);
        meant.add(Seen.of("GET", target, ""));
    }

    /** @param status of the response; 0 for any that refuses */
    private void refuse(SoftAssertions softly, ForeignOrigin origin, String bytes, int status) throws IOException {
        try (Wire wire = new Wire(front(origin, ""))) {
            wire.send(bytes + "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n");
            Wire.Response response = wire.response();
            if (status == 0) {
                softly.assertThat(response.status()).as(bytes).isIn(400, 501, 505);
            } else {
                softly.assertThat(response.status()).as(bytes).isEqualTo(status);
            }
            softly.assertThat(wire.ended()).as(bytes).isTrue();
        }
    }

    private void serve(SoftAssertions softly, ForeignOrigin origin, DesyncCases.Served row) throws IOException {
        try (Wire wire = new Wire(front(origin, ""))) {
            wire.send(row.bytes());
            for (Seen seen : row.seen()) {
                Wire.Response response = wire.response();
                while (response.status() == 100) {
                    response = wire.response();
                }
                softly.assertThat(response.status() + " " + response.body())
                        .as(row.bytes())
                        .isEqualTo("200 " + seen.target());
            }
        }
    }

    private void http2(SoftAssertions softly, ForeignOrigin origin, DesyncCases.H2 row) throws Exception {
        try (H2Wire wire = new H2Wire(front(origin, HTTP_2))) {
            wire.headers(1, row.data().isEmpty(), row.fields().toArray(String[]::new));
            if (!row.data().isEmpty()) {
                wire.data(1, true, row.data());
            }
            H2Wire.Response response;
            try {
                response = wire.response(1);
            } catch (EOFException e) {
                softly.assertThat(row.seen()).as(row + ": " + e.getMessage()).isNull();
                return;
            }
            if (row.seen() == null) {
                softly.assertThat(response.error() >= 0 || response.status().matches("400|501"))
                        .as(row + " " + response)
                        .isTrue();
            } else {
                softly.assertThat(response.status() + " " + response.body())
                        .as(row.toString())
                        .isEqualTo("200 " + row.seen().target());
            }
        }
    }
}
