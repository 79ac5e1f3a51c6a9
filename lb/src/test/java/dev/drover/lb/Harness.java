package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** A load balancer on two lanes of a transport; every test of a subclass runs on each transport. */
@ParameterizedClass(name = "{0}")
@EnumSource(Transport.class)
@ExtendWith(LeakGuard.class)
@Timeout(60)
abstract class Harness {
    @Parameter
    Transport transport;

    Lanes lanes;
    LoadBalancer lb;
    private final Deque<AutoCloseable> toClose = new ArrayDeque<>();

    @BeforeEach
    void open() {
        lanes = Lanes.open(transport, 2);
        lb = new LoadBalancer(lanes, settings());
    }

    @AfterEach
    void close() throws Exception {
        long unexpected = lb.events().get("UNEXPECTED_EXCEPTION");
        while (!toClose.isEmpty()) {
            toClose.pop().close();
        }
        lb.close();
        lanes.close();
        assertThat(unexpected).as("unexpected exceptions").isZero();
    }

    LbSettings settings() {
        return LbSettings.DEFAULTS
                .withTimeouts(
                        Duration.ofMillis(500),
                        Duration.ofMillis(800),
                        Duration.ofMillis(800),
                        Duration.ofSeconds(20),
                        Duration.ofSeconds(3))
                .withDrainTimeout(Duration.ofSeconds(3));
    }

    <T extends AutoCloseable> T closing(T resource) {
        toClose.push(resource);
        return resource;
    }

    Wire client() throws IOException {
        return client("web");
    }

    Wire client(String listener) throws IOException {
        return closing(new Wire(bound(listener)));
    }

    InetSocketAddress bound(String listener) {
        return lb.status().stream()
                .filter(status -> status.name().equals(listener) && !status.removed())
                .findFirst()
                .orElseThrow()
                .bound();
    }

    static ListenerConfig http(String name, Origin... origins) {
        return listener(name, Protocol.HTTP, targets(origins));
    }

    static ListenerConfig tcp(String name, Origin... origins) {
        return listener(name, Protocol.TCP, targets(origins));
    }

    static ListenerConfig listener(String name, Protocol protocol, List<TargetConfig> targets) {
        return new ListenerConfig(name, loopback(0), protocol, Balance.ROUND_ROBIN, targets);
    }

    static List<TargetConfig> targets(Origin... origins) {
        return Arrays.stream(origins)
                .map(origin -> TargetConfig.active(origin.address()))
                .toList();
    }

    static InetSocketAddress loopback(int port) {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    /** Serves {@code listeners}, all of which must come up. */
    ApplyResult serve(ListenerConfig... listeners) {
        ApplyResult result = lb.apply(new LbConfig(List.of(listeners)));
        assertThat(result.problems()).isEmpty();
        return result;
    }

    /** A port nobody listens on. */
    static InetSocketAddress refused() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return (InetSocketAddress) socket.getLocalSocketAddress();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    long outcome(String name) {
        return lb.outcomes().get(name);
    }

    long event(String name) {
        return lb.events().get(name);
    }
}
