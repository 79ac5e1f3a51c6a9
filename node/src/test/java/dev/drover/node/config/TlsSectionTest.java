package dev.drover.node.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.lb.ListenerConfig;
import dev.drover.lb.Protocol;
import dev.drover.lb.TlsConfig;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class TlsSectionTest {
    private static NodeFile parse(String tls) {
        return NodeFileParser.parse("/etc/drover/node.yaml", """
                lb:
                  listeners:
                    - name: web
                      bind: 127.0.0.1:443
                      protocol: http
                      targets: [ "127.0.0.1:9001" ]
                      tls:
                """ + tls.indent(8));
    }

    @Test
    void files_are_beside_the_node_file() {
        TlsConfig tls = parse("""
                certificates:
                  - { certificate: web.pem, key: /keys/web.key }
                default: web.example
                min-version: "1.3"
                client-ca: partners.pem
                """).lb().listeners().getFirst().entry().tls();
        assertThat(tls)
                .isEqualTo(new TlsConfig(
                        List.of(new TlsConfig.Certificate(Path.of("/etc/drover/web.pem"), Path.of("/keys/web.key"))),
                        "web.example",
                        TlsConfig.Version.TLS_1_3,
                        Path.of("/etc/drover/partners.pem")));
    }

    @Test
    void names_of_no_certificate_may_be_refused() {
        TlsConfig tls = parse("certificates: [ { certificate: a, key: b } ]\nstrict-sni: true")
                .lb()
                .listeners()
                .getFirst()
                .entry()
                .tls();
        assertThat(tls.strict()).isTrue();
        assertThatThrownBy(() -> parse("certificates: [ { certificate: a, key: b } ]\nstrict-sni: true\ndefault: a"))
                .hasMessage("/etc/drover/node.yaml:9: lb.listeners[0].tls.strict-sni: true beside default"
                        + " (expected: one of both)");
    }

    @Test
    void what_is_stapled_to_certificates_may_come_from_files_or_responders() {
        for (TlsConfig.Stapling from : TlsConfig.Stapling.values()) {
            String text = from.name().toLowerCase(java.util.Locale.ROOT);
            TlsConfig tls = parse("certificates: [ { certificate: a, key: b } ]\nocsp: " + text)
                    .lb()
                    .listeners()
                    .getFirst()
                    .entry()
                    .tls();
            assertThat(tls.stapling()).isEqualTo(from);
        }
        assertThatThrownBy(() -> parse("certificates: [ { certificate: a, key: b } ]\nocsp: always"))
                .hasMessage("/etc/drover/node.yaml:9: lb.listeners[0].tls.ocsp: always (expected: off, file or fetch)");
    }

    @Test
    void a_listener_may_pass_tls_on_by_the_server_name() {
        ListenerConfig listener = passed("{ host: '*.a.example', targets: [ '127.0.0.1:1' ] }", "");
        assertThat(listener.protocol()).isEqualTo(Protocol.TLS);
        assertThat(listener.routes().getFirst().host()).isEqualTo("*.a.example");
        assertThatThrownBy(() -> passed("{ host: a, path: /x, targets: [ '127.0.0.1:1' ] }", ""))
                .hasMessage(
                        "/etc/drover/node.yaml:6: lb.listeners[0].routes[0].path: not with protocol tls, which does not"
                                + " see requests (expected: host alone)");
        assertThatThrownBy(() -> passed("{ targets: [ '127.0.0.1:1' ] }", "      tls: {}\n"))
                .hasMessage(
                        "/etc/drover/node.yaml:3: lb.listeners[0]: tls beside protocol: tls (expected: one of both, with"
                                + " protocol: tls it is the targets')");
    }

    private static ListenerConfig passed(String route, String more) {
        return NodeFileParser.parse(
                        "/etc/drover/node.yaml",
                        "lb:\n  listeners:\n    - name: web\n      bind: 127.0.0.1:8443\n      protocol: tls\n      routes: [ "
                                + route + " ]\n" + more)
                .lb()
                .listeners()
                .getFirst();
    }

    @Test
    void what_is_wrong_is_told_by_line_and_key() {
        assertThatThrownBy(() -> parse("certificates: []"))
                .hasMessage("/etc/drover/node.yaml:8: lb.listeners[0].tls.certificates: "
                        + "empty (expected: at least one certificate with its key)");
        assertThatThrownBy(() -> parse("certificates: [ { certificate: a, key: b } ]\nmin-version: \"1.1\""))
                .hasMessage("/etc/drover/node.yaml:9: lb.listeners[0].tls.min-version: 1.1 (expected: 1.2 or 1.3)");
        assertThatThrownBy(() -> parse("certificates: [ { certificate: a } ]"))
                .hasMessage("/etc/drover/node.yaml:8: lb.listeners[0].tls.certificates[0]: "
                        + "key is missing (expected: a value)");
    }
}
