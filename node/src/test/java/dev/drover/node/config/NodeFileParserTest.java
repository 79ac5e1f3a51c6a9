package dev.drover.node.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Transport;
import dev.drover.dns.NameData;
import dev.drover.dns.Names;
import dev.drover.dns.QueryLogConfig;
import dev.drover.dns.ResolverConfig;
import dev.drover.dns.path.Limits;
import dev.drover.dns.path.ResponseRate;
import dev.drover.dns.resolve.CachePolicy;
import dev.drover.dns.resolve.Timing;
import dev.drover.dns.resolve.Upstream.Endpoint;
import dev.drover.lb.Protocol;
import dev.drover.node.mapping.Tables;
import dev.drover.overlay.Mode;
import java.net.InetAddress;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class NodeFileParserTest {
    private static final String WHOLE = """
            overlay:
              vni: 42
              vtep: 192.0.2.1
              port: 4789
              bridge: br0
              mode: auto
              peers:
                - { vtep: 192.0.2.2, subnets: [10.42.2.0/24] }
            lb:
              listeners:
                - name: web
                  bind: 127.0.0.1:9821
                  protocol: http
                  balance: round-robin
                  targets: [ "127.0.0.1:9001", "127.0.0.1:9002" ]
            dns:
              bind: 127.0.0.1:5310
              zone: rancher.internal
              records: { web1.stack: [10.42.0.1, 10.43.0.1] }
              forward: []
            admin: 127.0.0.1:9901
            """;

    @Test
    void readsTheFileOfTheDesign() {
        NodeFile file = NodeFileParser.parse("node.yaml", WHOLE);
        assertThat(file.overlay().vni()).isEqualTo(42);
        assertThat(file.overlay().mode()).isEqualTo(Mode.AUTO);
        assertThat(file.overlay().bridge()).isEqualTo("br0");
        assertThat(file.overlay().peers().getFirst().subnets()).containsExactly(Cidr.parse("10.42.2.0/24"));
        assertThat(file.lb().listeners().getFirst().protocol()).isEqualTo(Protocol.HTTP);
        assertThat(file.lb().listeners().getFirst().targets()).hasSize(2);
        assertThat(file.dns().names().common().get("web1.stack").addresses()).hasSize(2);
        assertThat(file.admin()).isEqualTo(Tables.socketAddress("127.0.0.1:9901"));
    }

    private static final String NAMES = """
            dns:
              bind: 127.0.0.1:0
              records: { web1.stack: [10.42.0.1], web.stack: [10.42.0.1, 10.42.0.2] }
              cname: { DB.stack: db.example.com. }
              srv: { _http._tcp.web.stack: [ { port: 80, target: web1.stack.rancher.internal, weight: 3 } ] }
              txt: { web.stack: [ "owner=ops" ] }
              reverse: [10.42.0.0/16]
              views:
                - name: stack
                  sources: [10.42.0.0/24, 10.42.1.7]
                  search: [stack]
                  records: { near: [10.42.0.1] }
            """;

    @Test
    void readsNamesOfEveryTypeAndViews() {
        Names names = NodeFileParser.parse("node.yaml", NAMES).dns().names();
        assertThat(names.common().get("db.stack").alias()).isEqualTo("db.example.com");
        assertThat(names.common().get("_http._tcp.web.stack").services())
                .containsExactly(new NameData.Srv(0, 3, 80, "web1.stack.rancher.internal"));
        assertThat(names.common().get("web.stack").texts()).containsExactly("owner=ops");
        assertThat(names.common().get("web.stack").addresses()).hasSize(2);
        assertThat(names.pointers())
                .containsEntry(InetAddress.ofLiteral("10.42.0.1"), "web1.stack")
                .containsEntry(InetAddress.ofLiteral("10.42.0.2"), "web.stack");
        assertThat(names.reverse()).containsExactly(Cidr.parse("10.42.0.0/16"));
        assertThat(names.views()).singleElement().satisfies(view -> {
            assertThat(view.sources()).containsExactly(Cidr.parse("10.42.0.0/24"), Cidr.parse("10.42.1.7/32"));
            assertThat(view.search()).containsExactly("stack");
            assertThat(view.names()).containsOnlyKeys("near");
        });
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            DB.stack: db.example.com. | web.stack: db.example.com | node.yaml:4: dns.cname.web.stack: db.example.com (expected: no other record of a name that has a cname)
            db.example.com.           | db..com                   | node.yaml:4: dns.cname.DB.stack: db..com (expected: a full name such as
            port: 80,                 | port: 0,                  | node.yaml:5: dns.srv._http._tcp.web.stack[0].port: 0 (expected: a number from 1 to 65535)
            port: 80,                 | prot: 80,                 | node.yaml:5: dns.srv._http._tcp.web.stack[0].prot: unknown key
            10.42.0.0/16              | 10.42.0.1/16              | node.yaml:7: dns.reverse[0]: 10.42.0.1/16 (expected: host bits zero)
            10.42.1.7                 | 10.42.0.0/24              | node.yaml:10: dns.views[0].sources[1]: 10.42.0.0/24 is in another view (expected: each subnet once)
            10.42.1.7                 | ten                       | node.yaml:10: dns.views[0].sources[1]: ten
            """)
    void refusesNamesWithLineAndKey(String good, String bad, String message) {
        assertThat(NAMES).contains(good);
        assertThatThrownBy(() -> NodeFileParser.parse("node.yaml", NAMES.replace(good, bad)))
                .isInstanceOf(ConfigException.class)
                .message()
                .startsWith(message);
    }

    @Test
    void peersAreProbedWhenTheFileSaysSo() {
        NodeFile file = NodeFileParser.parse("node.yaml", WHOLE);
        assertThat(file.overlay().peers().getFirst().probed()).isFalse();
        file = NodeFileParser.parse("node.yaml", WHOLE.replace("vtep: 192.0.2.2,", "vtep: 192.0.2.2, probe: true,"));
        assertThat(file.overlay().peers().getFirst().probed()).isTrue();
        assertThat(file.overlay().peers().getFirst().remoteChecksum()).isNull();
        file = NodeFileParser.parse(
                "node.yaml", WHOLE.replace("vtep: 192.0.2.2,", "vtep: 192.0.2.2, remote-checksum: false,"));
        assertThat(file.overlay().peers().getFirst().remoteChecksum()).isFalse();
    }

    @Test
    void neighboursBehindPeersAreRead() {
        String known = "vtep: 192.0.2.2, neighbours: [{address: 'fd00::9', mac: '02:00:00:00:02:09'}, "
                + "{address: 10.42.2.9, mac: '02:00:00:00:02:09'}],";
        NodeFile file = NodeFileParser.parse("node.yaml", WHOLE.replace("vtep: 192.0.2.2,", known));
        assertThat(file.overlay().neighbours())
                .extracting(n -> n.address().getHostAddress() + " " + n.mac() + " "
                        + n.vtep().getHostAddress())
                .containsExactly(
                        "fd00:0:0:0:0:0:0:9 02:00:00:00:02:09 192.0.2.2", "10.42.2.9 02:00:00:00:02:09 192.0.2.2");
    }

    @Test
    void anIpv6UnderlayIsRead() {
        NodeFile file = NodeFileParser.parse(
                "node.yaml",
                WHOLE.replace("vtep: 192.0.2.1", "vtep: 2001:db8::1").replace("192.0.2.2,", "'2001:db8::2',"));
        assertThat(file.overlay().vtep().getHostAddress()).isEqualTo("2001:db8:0:0:0:0:0:1");
    }

    @Test
    void fillsInDefaults() {
        NodeFile file = NodeFileParser.parse("n", "overlay: {vni: 7, vtep: 192.0.2.1}\ndns: {bind: 127.0.0.1:0}\n");
        assertThat(file.overlay().port()).isEqualTo(4789);
        assertThat(file.overlay().bridge()).isEqualTo("drv7");
        assertThat(file.overlay().peers()).isEmpty();
        assertThat(file.overlay().local()).isNull();
        assertThat(file.dns().zone()).isEqualTo("rancher.internal");
        assertThat(file.dns().ttlSeconds()).isEqualTo(1);
        assertThat(file.lb().listeners()).isEmpty();
        assertThat(file.admin()).isNull();
    }

    @Test
    void aNumberAsAdminIsAPortOfLoopback() {
        NodeFile file = NodeFileParser.parse("n", "dns: {bind: 127.0.0.1:0}\nadmin: 9901\n");
        assertThat(file.admin()).isEqualTo(Tables.socketAddress("127.0.0.1:9901"));
    }

    @Test
    void forwardTakesAddressesWithAndWithoutPortAndWithTls() {
        NodeFile file = NodeFileParser.parse(
                "n",
                "dns: {bind: 127.0.0.1:0, forward: [192.0.2.53, '192.0.2.54:5353', 'fd00::1',"
                        + " 'tls://192.0.2.55#dns.Example', 'tls://[fd00::2]:8853#dns.example']}\n");
        assertThat(file.dns().resolver().upstreams())
                .containsExactly(
                        new Endpoint(Tables.socketAddress("192.0.2.53:53"), null),
                        new Endpoint(Tables.socketAddress("192.0.2.54:5353"), null),
                        new Endpoint(Tables.socketAddress("[fd00::1]:53"), null),
                        new Endpoint(Tables.socketAddress("192.0.2.55:853"), "dns.example"),
                        new Endpoint(Tables.socketAddress("[fd00::2]:8853"), "dns.example"));
    }

    @Test
    void theResolverSideOfDnsHasDefaultsAndKeys() {
        ResolverConfig standard =
                NodeFileParser.parse("n", "dns: {bind: 127.0.0.1:0}\n").dns().resolver();
        assertThat(standard.cache()).isEqualTo(CachePolicy.DEFAULT);
        assertThat(standard.timing()).isEqualTo(Timing.DEFAULT);
        NodeFile file = NodeFileParser.parse("n", """
                dns:
                  bind: 127.0.0.1:0
                  forward-zones: { Corp.Example: [192.0.2.60], a.corp.example.: ['tls://192.0.2.61#x.corp.example'] }
                  cache: { bytes: 1000000, min-ttl-seconds: 1, max-ttl-seconds: 600, negative-ttl-seconds: 5,
                           stale-seconds: 0, prefetch: false }
                  limits: { timeout-ms: 1000, forwards: 10, forwards-per-client: 5, connections: 8,
                            connections-per-client: 4, idle-ms: 5000 }
                  rate-limit: { responses-per-second: 100, slip: 3, ipv4-prefix: 32, ipv6-prefix: 64 }
                  query-log: { file: queries.log, sample: 1000 }
                """);
        assertThat(file.dns().resolver().zones()).containsOnlyKeys("corp.example", "a.corp.example");
        assertThat(file.dns().resolver().cache()).isEqualTo(new CachePolicy(1_000_000, 1, 600, 5, 0, false));
        assertThat(file.dns().resolver().timing().totalMs()).isEqualTo(1_000);
        assertThat(file.dns().limits()).isEqualTo(new Limits(10, 5, 8, 4, 5_000));
        assertThat(file.dns().rateLimit()).isEqualTo(new ResponseRate.Rule(100, 3, 32, 64));
        assertThat(file.dns().queryLog()).isEqualTo(new QueryLogConfig(Path.of("queries.log"), 1_000));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    forward: [one]                        | n:1: dns.forward[0]: one (expected: an IP address)
                    forward: ['192.0.2.1:0']              | n:1: dns.forward[0]: 192.0.2.1:0 (expected: a port from 1 to 65535)
                    forward: ['tls://192.0.2.1']          | n:1: dns.forward[0]: tls://192.0.2.1 (expected: tls://ADDRESS#NAME, the name that its certificate bears)
                    forward: [192.0.2.1, '192.0.2.1:53']  | n:1: dns.forward[1]: 192.0.2.1:53 is given twice (expected: each resolver once)
                    forward-zones: {a..b: [192.0.2.1]}    | n:1: dns.forward-zones.a..b: not a domain (expected: such as corp.example)
                    forward-zones: {corp: []}             | n:1: dns.forward-zones.corp: empty (expected: at least one resolver)
                    forward-trust: none.pem               | n:1: dns.forward-trust: none.pem cannot be read: NoSuchFileException (expected: certificates as PEM)
                    cache: {bytes: -1}                    | n:1: dns.cache.bytes: -1 (expected: a number from 0 to 2147483647)
                    cache: {prefetch: maybe}              | n:1: dns.cache.prefetch: maybe (expected: true or false)
                    rate-limit: {slip: 1}                 | n:1: dns.rate-limit: responses-per-second is missing (expected: a value)
                    query-log: {file: q, sample: 0}       | n:1: dns.query-log.sample: 0 (expected: a number from 1 to 2147483647)
                    limits: {timeout-ms: 5000}            | n:1: dns.limits.timeout-ms: 5000 (expected: a number from 100 to 4900)
                    """)
    void refusesABadResolverSideOfDns(String key, String message) {
        assertThatThrownBy(() -> NodeFileParser.parse("n", "dns: {bind: 127.0.0.1:0, " + key + "}\n"))
                .isInstanceOf(ConfigException.class)
                .hasMessage(message);
    }

    @Test
    void eventLoopsAreOnIoUringOnlyWithoutHandover() {
        assertThat(NodeFileParser.parse("node.yaml", WHOLE).transport()).isEqualTo(Transport.EPOLL);
        assertThat(NodeFileParser.parse("node.yaml", WHOLE + "transport: io_uring\n")
                        .transport())
                .isEqualTo(Transport.IO_URING);
        assertThatThrownBy(() ->
                        NodeFileParser.parse("node.yaml", WHOLE + "transport: io_uring\nhandover: /run/node.sock\n"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("transport: io_uring (expected: epoll beside handover");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    vni: 42            | vni: 0             | node.yaml:2: overlay.vni: 0 (expected: a number from 1 to 16777215)
                    vni: 42            | vnii: 42           | node.yaml:2: overlay.vnii: unknown key (expected: vni?)
                    vni: 42            | vni: [42]          | node.yaml:2: overlay.vni: a list (expected: one value)
                    vni: 42            | port: 4790         | node.yaml:4: overlay: port is given twice (expected: once)
                    vtep: 192.0.2.1    | vtep: host1        | node.yaml:3: overlay.vtep: host1 (expected: IPv4 a.b.c.d or IPv6)
                    vtep: 192.0.2.1    | vtep: 0.0.0.0      | node.yaml:3: overlay.vtep: 0.0.0.0 (expected: a unicast address, not a link-local one of IPv6)
                    vtep: 192.0.2.1    | vtep: 'fe80::1'    | node.yaml:3: overlay.vtep: fe80::1 (expected: a unicast address, not a link-local one of IPv6)
                    vtep: 192.0.2.1    | vtep: '2001:db8::1' | node.yaml:8: overlay.peers[0].vtep: 192.0.2.2 (expected: IPv6 as this host's vtep, one overlay has one IP version beneath it)
                    vtep: 192.0.2.1    | vtep: 192.0.2.2    | node.yaml:8: overlay.peers[0].vtep: 192.0.2.2 is this host's own vtep (expected: another host's)
                    bridge: br0        | flow-sampling: -1  | node.yaml:5: overlay.flow-sampling: -1 (expected: a number from 0 to 1000000)
                    bridge: br0        | encryption: on     | node.yaml:5: overlay.encryption: on (expected: keys and values)
                    bridge: br0        | encryption: {}     | node.yaml:5: overlay.encryption: private-key-file is missing (expected: a value)
                    bridge: br0        | encryption: { private-key-file: /nowhere/key } | node.yaml:5: overlay.encryption.private-key-file: /nowhere/key is missing (expected: a file of drover overlay keygen)
                    vtep: 192.0.2.2,   | vtep: 192.0.2.2, neighbours: [{address: web, mac: a}], | node.yaml:8: overlay.peers[0].neighbours[0].address: web (expected: IPv4 a.b.c.d or IPv6)
                    vtep: 192.0.2.2,   | vtep: 192.0.2.2, neighbours: [{address: 10.42.2.9, mac: a}], | node.yaml:8: overlay.peers[0].neighbours[0].mac: a (expected: aa:bb:cc:dd:ee:ff)
                    vtep: 192.0.2.2,   | vtep: 192.0.2.2, remote-checksum: auto, | node.yaml:8: overlay.peers[0].remote-checksum: auto (expected: true or false)
                    vtep: 192.0.2.2,   | vtep: 192.0.2.2, probe: often, | node.yaml:8: overlay.peers[0].probe: often (expected: true or false)
                    vtep: 192.0.2.2,   | vtep: 192.0.2.2, public-key: secret, | node.yaml:8: overlay.peers[0].public-key: secret (expected: Base64 of 32 bytes, as drover overlay keygen prints it)
                    vtep: 192.0.2.2,   | vtep: 192.0.2.2, public-key: jRM6xCR/N0J5PykDJ1grJzHrtqxX1JNmT9xGkdfzy1U=, | node.yaml:8: overlay.peers[0].public-key: jRM6xCR/N0J5PykDJ1grJzHrtqxX1JNmT9xGkdfzy1U= (expected: none without overlay.encryption, or traffic would not be encrypted)
                    vtep: 192.0.2.1    | psk: secret        | node.yaml:3: overlay.psk: not available in this version
                    bridge: br0        | bridge: bridge-too-long-for-linux | node.yaml:5: overlay.bridge: bridge-too-long-for-linux (expected: an interface name of 1 to 15 letters, digits, '.', '_' or '-')
                    mode: auto         | mode: fast         | node.yaml:6: overlay.mode: fast (expected: auto, super, gso or plain)
                    10.42.2.0/24       | 10.42.2.1/24       | node.yaml:8: overlay.peers[0].subnets[0]: 10.42.2.1/24 (expected: host bits zero)
                    protocol: http     | protocol: quic     | node.yaml:13: lb.listeners[0].protocol: quic (expected: http, tcp, tls or udp)
                    balance: round-robin | tls: {}          | node.yaml:14: lb.listeners[0].tls: certificates is missing (expected: a value)
                    balance: round-robin | proxy-protocol: v1 | node.yaml:14: lb.listeners[0].proxy-protocol: v1 (expected: accept)
                    balance: round-robin | proxy-protocol: accept | node.yaml:14: lb.listeners[0].proxy-protocol: alone (expected: proxy-protocol: accept together
                    balance: round-robin | forwarded-from: [ x/8 ] | node.yaml:14: lb.listeners[0].forwarded-from[0]: x/8 (expected: a network such as
                    balance: round-robin | send-proxy: v2   | node.yaml:14: lb.listeners[0].send-proxy: connections to HTTP targets are shared
                    balance: round-robin | trusted: [ a ] | node.yaml:14: lb.listeners[0].trusted: alone (expected: proxy-protocol: accept together
                    balance: round-robin | h2c: yes         | node.yaml:14: lb.listeners[0].h2c: yes (expected: true or false)
                    balance: round-robin | balance: fastest | node.yaml:14: lb.listeners[0].balance: fastest (expected: round-robin, least-connections, power-of-two, source-hash or maglev)
                    "127.0.0.1:9001"   | web:80             | node.yaml:15: lb.listeners[0].targets[0]: web:80 (expected: IP address:port)
                    "127.0.0.1:9001"   | "127.0.0.1:9002"   | node.yaml:15: lb.listeners[0].targets[1]: 127.0.0.1:9002 is given twice (expected: each target once)
                    10.43.0.1          | ten                | node.yaml:19: dns.records.web1.stack[1]: ten (expected: an IP address)
                    web1.stack         | web..stack         | node.yaml:19: dns.records.web..stack: not a name (expected: labels of letters, digits, '-' and '_' with dots between)
                    admin: 127.0.0.1:9901 | amdin: 127.0.0.1:9901 | node.yaml:21: amdin: unknown key (expected: admin?)
                    overlay:           | zzz:               | node.yaml:1: zzz: unknown key (expected: one of overlay, lb, dns, admin, handover, transport)
                    admin: 127.0.0.1:9901 | transport: kqueue | node.yaml:21: transport: kqueue (expected: epoll or io_uring)
                    """)
    void refusesWithFileLineKeyAndReason(String good, String bad, String message) {
        assertThat(WHOLE).contains(good);
        assertThatThrownBy(() -> NodeFileParser.parse("node.yaml", WHOLE.replaceFirst(good, bad)))
                .isInstanceOf(ConfigException.class)
                .message()
                .startsWith(message);
    }

    @Test
    void refusesTextThatIsNotYamlWithItsLine() {
        assertThatThrownBy(() -> NodeFileParser.parse("node.yaml", "dns:\n  bind: [1\nlb: 2\n"))
                .isInstanceOf(ConfigException.class)
                .hasMessageStartingWith("node.yaml:3: not YAML: ");
    }

    @Test
    void refusesAFileThatRunsNothing() {
        assertThatThrownBy(() -> NodeFileParser.parse("node.yaml", "admin: 9901\n"))
                .hasMessage("node.yaml:1: nothing to run (expected: at least one of overlay, lb, dns)");
        assertThatThrownBy(() -> NodeFileParser.parse("node.yaml", "# nothing\n"))
                .hasMessage("node.yaml: empty (expected: at least one of overlay, lb, dns)");
    }
}
