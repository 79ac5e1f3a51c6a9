package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TransparencyTest {
    private static LbConfig config(Protocol protocol, PoolConfig pool) {
        return new LbConfig(List.of(
                new ListenerConfig("tcp", Harness.loopback(0), protocol, List.of(RouteConfig.everything(pool)))));
    }

    @ParameterizedTest
    @CsvSource({
        "TCP, true, ",
        "TLS, true, ",
        "TCP, false, 'the capability CAP_NET_ADMIN, which IP_TRANSPARENT takes'",
        "HTTP, true, only with protocol tcp or tls",
        "UDP, true, only with protocol tcp or tls"
    })
    void what_cannot_be_is_told(Protocol protocol, boolean permitted, String expected) {
        PoolConfig pool = PoolConfig.of("tcp", Balance.ROUND_ROBIN, List.of(TargetConfig.active(Harness.loopback(80))));
        assertThat(LbConfigCheck.problems(config(protocol, pool.withClientAddress()), () -> permitted))
                .isEqualTo(
                        expected == null
                                ? List.of()
                                : List.of("listener tcp: source-address: client at pool tcp (expected: " + expected
                                        + ")"));
        assertThat(LbConfigCheck.problems(config(protocol, pool), () -> false)).isEmpty();
    }
}
