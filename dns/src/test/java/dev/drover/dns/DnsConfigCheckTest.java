package dev.drover.dns;

import static dev.drover.dns.DnsFixture.config;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class DnsConfigCheckTest {
    private static final String LABEL_63 = "a".repeat(63);

    private static InetSocketAddress at(String literal, int port) {
        return new InetSocketAddress(InetAddress.ofLiteral(literal), port);
    }

    static Stream<Arguments> refused() {
        return Stream.of(
                Arguments.of(config().zone(""), "dns.zone:  (expected: labels"),
                Arguments.of(config().zone("rancher.internal."), "dns.zone: rancher.internal. (expected: labels"),
                Arguments.of(config().zone("Rancher.internal"), "dns.zone: Rancher.internal (expected: labels"),
                Arguments.of(config().record("", "10.0.0.1"), "dns.records:  (expected: labels"),
                Arguments.of(config().record("a..b", "10.0.0.1"), "dns.records: a..b (expected: labels"),
                Arguments.of(config().record("Web", "10.0.0.1"), "dns.records: Web (expected: labels"),
                Arguments.of(config().record("a b", "10.0.0.1"), "dns.records: a b (expected: labels"),
                Arguments.of(config().record("a\\.b", "10.0.0.1"), "dns.records: a\\.b (expected: labels"),
                Arguments.of(config().record(LABEL_63 + "a", "10.0.0.1"), "dns.records: aaa"),
                Arguments.of(
                        config().record(String.join(".", LABEL_63, LABEL_63, LABEL_63, LABEL_63), "10.0.0.1"),
                        "dns.records: aaa"),
                Arguments.of(config().ttl(-1), "dns.ttl-seconds: -1 (expected: 0 to 86400)"),
                Arguments.of(config().ttl(86_401), "dns.ttl-seconds: 86401 (expected: 0 to 86400)"),
                Arguments.of(
                        config().binds(at("127.0.0.1", 53), at("127.0.0.1", 53)),
                        "dns.binds: 127.0.0.1:53 (expected: each address once)"),
                Arguments.of(
                        config().binds(at("127.0.0.1", 0), at("127.0.0.1", 0)),
                        "dns.binds: 127.0.0.1:0 (expected: each address once)"),
                Arguments.of(
                        config().binds(InetSocketAddress.createUnresolved("dns.example", 53)),
                        "dns.binds: dns.example (expected: an IP address and port)"),
                Arguments.of(
                        config().forward(at("192.0.2.1", 0)),
                        "dns.forward: 192.0.2.1:0 (expected: a port from 1 to 65535)"),
                Arguments.of(
                        config().forward(at("fd00::1", 53), at("fd00::1", 53)),
                        "dns.forward: [fd00:0:0:0:0:0:0:1]:53 (expected: each address once)"),
                Arguments.of(
                        config().binds(at("127.0.0.1", 53)).forward(at("127.0.0.1", 53)),
                        "dns.forward: 127.0.0.1:53 (expected: another server than this one)"));
    }

    @ParameterizedTest
    @MethodSource("refused")
    void namesKeyValueAndWhatWouldDo(DnsFixture.Config config, String message) {
        assertThatThrownBy(() -> DnsConfigCheck.check(config.build()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(message)
                .hasMessageContaining("(expected: ");
    }

    @Test
    void acceptsWhatDockerAndOperatorsName() {
        assertThatCode(() -> DnsConfigCheck.check(config().record("web-1_a", "10.0.0.1")
                        .record("0.1.2", "10.0.0.1")
                        .record(LABEL_63)
                        .record("_http._tcp.web", "10.0.0.1")
                        .binds(at("127.0.0.1", 0), at("127.0.0.2", 0))
                        .ttl(0)
                        .build()))
                .doesNotThrowAnyException();
    }

    @Test
    void tellsNamesThatDnsCannotCarry() {
        assertThat(DnsConfig.isName("web1", "rancher.internal")).isTrue();
        assertThat(DnsConfig.isName("a".repeat(64), "rancher.internal")).isFalse();
        assertThat(DnsConfig.isName("WEB", "rancher.internal")).isFalse();
        assertThat(DnsConfig.isName(String.join(".", LABEL_63, LABEL_63, LABEL_63, LABEL_63.substring(20)), "internal"))
                .isTrue();
        assertThat(DnsConfig.isName(String.join(".", LABEL_63, LABEL_63, LABEL_63, LABEL_63), "internal"))
                .isFalse();
    }
}
