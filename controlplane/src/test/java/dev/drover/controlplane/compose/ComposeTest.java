package dev.drover.controlplane.compose;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.drover.controlplane.link.DesiredItem.ContainerSpec;
import dev.drover.controlplane.model.Discovery;
import dev.drover.controlplane.model.Service.HealthCheck;
import dev.drover.controlplane.model.Service.Kind;
import dev.drover.controlplane.model.Service.PortRule;
import dev.drover.controlplane.model.Service.Serving;
import dev.drover.controlplane.model.Service.TargetTls;
import dev.drover.controlplane.model.Service.Tls;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ComposeTest {

    @Test
    void readsEveryKeyOfVersionTwo() {
        ContainerSpec spec = one("""
                version: '2'
                volumes: {data: , logs: {driver: local}}
                services:
                  web:
                    image: nginx:1.27
                    command: sh -c "echo 'a b' > /f; exec httpd"
                    entrypoint: [/bin/tini, --]
                    environment: {PORT: 8000, DEBUG: true, EMPTY: ""}
                    labels: [io.rancher.container.pull_image=always, flag]
                    tty: true
                    stdin_open: true
                    working_dir: /srv
                    user: 1000
                    hostname: web
                    volumes: [/host:/in, "data:/data:ro", /anonymous]
                    ports: [8000, "9898:8000", "81:82/tcp"]
                    expose: [8000]
                    privileged: true
                    cap_add: [NET_ADMIN]
                    mem_limit: 512m
                    links: ["web:self"]
                    external_links: [other/db]
                    depends_on: [db]
                    restart: always
                """).spec();
        assertThat(spec)
                .isEqualTo(new ContainerSpec(
                        "nginx:1.27",
                        List.of("sh", "-c", "echo 'a b' > /f; exec httpd"),
                        List.of("/bin/tini", "--"),
                        Map.of("PORT", "8000", "DEBUG", "true", "EMPTY", ""),
                        Map.of("io.rancher.container.pull_image", "always", "flag", ""),
                        true,
                        true,
                        "/srv",
                        "1000",
                        "web",
                        List.of("/host:/in", "data:/data:ro", "/anonymous"),
                        List.of("8000:8000/tcp", "9898:8000/tcp", "81:82/tcp"),
                        true,
                        List.of("NET_ADMIN"),
                        512L << 20));
    }

    @Test
    void readsWhatAServiceSaysAboutNames() {
        List<ServiceDraft> drafts =
                Compose.parse("""
                web:
                  image: busybox
                  links: [Db, "db:Storage"]
                  external_links: [logs/collector, "Other/API:api.v1", "box:plain"]
                  expose: [8000, "53/udp"]
                db: {image: rancher/external-service}
                far: {image: "rancher/external-service:1"}
                both: {image: rancher/dns-service, links: [db], external_links: [logs/collector]}
                """, "db: {external_ips: [192.0.2.7]}\nfar: {hostname: DB.example.com.}\n", Map.of());
        assertThat(drafts)
                .extracting(ServiceDraft::kind)
                .containsExactly(Kind.SERVICE, Kind.EXTERNAL, Kind.EXTERNAL, Kind.ALIAS);
        assertThat(drafts.getFirst().discovery())
                .isEqualTo(new Discovery(
                        Map.of(
                                "db", "db",
                                "storage", "db",
                                "collector", "logs/collector",
                                "api.v1", "other/api",
                                "plain", "container:box"),
                        List.of(),
                        null,
                        List.of("8000", "53/udp")));
        assertThat(drafts.get(1).discovery().externalIps()).containsExactly("192.0.2.7");
        assertThat(drafts.get(1).spec()).isNull();
        assertThat(drafts.get(2).discovery().hostname()).isEqualTo("db.example.com");
        assertThat(drafts.get(3).discovery().links()).containsOnlyKeys("db", "collector");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            web: {image: busybox, links: [wbe]}                   | ''                              | wbe: no such service in this stack (did you mean web?)
            web: {image: busybox, external_links: [a/b/c]}        | ''                              | a/b/c (expected:
            web: {image: busybox, external_links: [a/b, "c/d:b"]} | ''                              | another link has the name b
            web: {image: busybox, external_links: ["a/b:x y"]}    | ''                              | a/b:x y (expected: an alias
            web: {image: busybox, expose: [70000]}                | ''                              | 70000 (expected: a port
            web: {image: rancher/dns-service}                     | ''                              | an alias of nothing
            web: {image: rancher/external-service}                | ''                              | external service (expected: external_ips or hostname
            web: {image: rancher/external-service}                | web: {external_ips: [ten]}      | ten (expected: IP addresses)
            web: {image: rancher/external-service}                | web: {hostname: a..b}           | a..b (expected: a DNS name
            web: {image: busybox}                                 | web: {hostname: db.example.com} | only for an external service
            """)
    void refusesWhatIsWrongAboutNames(String docker, String rancher, String message) {
        assertThatThrownBy(() -> Compose.parse(docker, rancher, Map.of()))
                .isInstanceOf(ComposeException.class)
                .hasMessageContaining(message);
    }

    @Test
    void readsWhateverTreeAServiceWantsToBeReadOfIt() {
        assertThat(Compose.parse("web: {image: busybox}", """
                                web:
                                  metadata:
                                    text: "007"
                                    number: 7
                                    share: 0.5
                                    hex: 0x1F
                                    yes: true
                                    none: ~
                                    list: [1, {deep: [a]}]
                                """, Map.of())
                        .getFirst()
                        .metadata())
                .containsEntry("text", "007")
                .containsEntry("number", 7L)
                .containsEntry("share", 0.5)
                .containsEntry("hex", "0x1F")
                .containsEntry("yes", true)
                .containsEntry("none", null)
                .containsEntry("list", List.of(1L, Map.of("deep", List.of("a"))));
        assertThat(Compose.parse("web: {image: busybox}", "web: {scale: 1}", Map.of())
                        .getFirst()
                        .metadata())
                .isNull();
    }

    @Test
    void refusesMetadataThatEveryNodeWouldHaveToHold() {
        String deep = "{a: ".repeat(16) + "1" + "}".repeat(16);
        for (Map.Entry<String, String> refused : Map.of(
                        "[a]",
                        "web.metadata: a list (expected: a map)",
                        "{a: " + "x".repeat(33_000) + "}",
                        "longer than 32768 characters (expected: fewer)",
                        deep,
                        "deeper than 16 levels (expected: fewer)")
                .entrySet()) {
            assertThatThrownBy(() -> Compose.parse(
                            "web: {image: busybox}", "web: {metadata: " + refused.getKey() + "}", Map.of()))
                    .isInstanceOf(ComposeException.class)
                    .hasMessageContaining("metadata")
                    .hasMessageContaining(refused.getValue());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            wbe              | ''                          | busybox                 | wbe: no such service in this stack (did you mean web?)
            app              | ''                          | busybox                 | app: the service itself (expected: another)
            'web,web'        | ''                          | busybox                 | web: is a sidekick of app (expected: of one service, named once)
            web              | 'io.rancher.sidekicks: app' | busybox                 | web: has sidekicks of its own (expected: none)
            web              | ''                          | rancher/dns-service     | web: one of them has no containers (expected: services of containers)
            """)
    void refusesSidekicksThatCannotStandBesideTheirService(String names, String labels, String image, String message) {
        assertThatThrownBy(() -> Compose.parse(
                        "app: {image: busybox, labels: {io.rancher.sidekicks: \"" + names + "\"}}\n" + "web: {image: "
                                + image + ", links: [app], labels: {" + labels + "}}",
                        "",
                        Map.of()))
                .isInstanceOf(ComposeException.class)
                .hasMessageContaining("app.labels: io.rancher.sidekicks: " + message);
    }

    @Test
    void readsVersionOneWithServicesAtTheTop() {
        ServiceDraft draft = one("Web:\n  image: busybox\n  scale: 2\n");
        assertThat(draft.name()).isEqualTo("web");
        assertThat(draft.scale()).isEqualTo(2);
        assertThat(draft.spec().command()).isNull();
    }

    @Test
    void scaleOfRancherComposeWinsOverReplicasOverScale() {
        String compose = "services: {a: {image: i, scale: 2, deploy: {replicas: 3}}, b: {image: i}}";
        assertThat(Compose.parse(compose, "", Map.of()))
                .extracting(ServiceDraft::scale)
                .containsExactly(3, null);
        assertThat(Compose.parse(compose, "a: {scale: 4, drain_timeout_ms: 500}", Map.of())
                        .getFirst())
                .satisfies(draft -> {
                    assertThat(draft.scale()).isEqualTo(4);
                    assertThat(draft.drainTimeoutMs()).isEqualTo(500);
                });
    }

    @Test
    void loadBalancerOfRancherTakesItsRulesFromRancherCompose() {
        ServiceDraft lb = Compose.parse("""
                version: '2'
                services:
                  httpserver: {image: python}
                  lb:
                    image: rancher/lb-service-haproxy:v0.9.1
                    ports: ["80:9898/tcp"]
                    labels: {io.rancher.scheduler.global: 'true'}
                """, """
                version: '2'
                services:
                  lb:
                    start_on_create: true
                    lb_config:
                      port_rules:
                      - {source_port: 9898, target_port: 8000, service: httpserver}
                      - {source_port: 99, target_port: 8000, protocol: tcp, service: Other/Svc}
                """, Map.of()).getLast();
        assertThat(lb.kind()).isEqualTo(Kind.LOAD_BALANCER);
        assertThat(lb.spec()).isNull();
        assertThat(lb.portRules())
                .containsExactly(
                        new PortRule(80, "http", "httpserver", 8000), new PortRule(99, "tcp", "other/svc", 8000));
    }

    @Test
    void rulesOfALoadBalancerRouteByHostAndPath() {
        ServiceDraft lb = Compose.parse("""
                services:
                  web: {image: i}
                  lb:
                    image: drover/lb
                    ports: ["5353:53/udp"]
                    lb_config:
                      balance: least-connections
                      stickiness_policy: {name: any, cookie: shop, mode: insert, indirect: true, nocache: true}
                      port_rules:
                      - {source_port: 80, target_port: 1, service: web, hostname: '*.Example.com', path: /foo/, priority: 3, weight: 9, backend_name: x}
                      - {source_port: 80, target_port: 2, service: web, path: /}
                      - {source_port: 81, target_port: 3, service: web, protocol: tcp}
                      - {source_port: 53, target_port: 4, service: web, protocol: udp}
                """, "", Map.of()).getLast();
        assertThat(lb.portRules())
                .containsExactly(
                        new PortRule(80, "http", "web", 1, "*.example.com", "/foo", 3, 9, "shop", "least-connections"),
                        new PortRule(80, "http", "web", 2, null, null, null, null, "shop", "least-connections"),
                        new PortRule(81, "tcp", "web", 3, null, null, null, null, null, "least-connections"),
                        new PortRule(5353, "udp", "web", 4, null, null, null, null, null, "least-connections"));
    }

    @Test
    void aLoadBalancerMayTerminateTlsSelectByLabelsAndLeadToContainers() {
        List<ServiceDraft> drafts = Compose.parse("""
                services:
                  web: {image: i, labels: {tier: front}}
                  lb: {image: rancher/lb-service-haproxy}
                """, """
                services:
                  web:
                    health_check: {port: 8000, request_line: '"GET /up HTTP/1.0"', interval: 500, healthy_threshold: 1, unhealthy_threshold: 4, response_timeout: 700, strategy: none}
                    lb_config:
                      port_rules:
                      - {target_port: 8000, hostname: a.example.com, path: /x, priority: 2}
                  lb:
                    lb_config:
                      certs: [Shop, web]
                      default_cert: web
                      port_rules:
                      - {source_port: 443, protocol: https, selector: tier=front}
                      - {source_port: 993, target_port: 143, protocol: tls, container: Mail_1}
                      - {source_port: 80, target_port: 1, service: web}
                """, Map.of());
        ServiceDraft web = drafts.getFirst();
        assertThat(web.healthCheck()).isEqualTo(new HealthCheck(8000, "/up", 500, 700, 1, 4));
        assertThat(web.portRules())
                .containsExactly(new PortRule(0, "", "", 8000, "a.example.com", "/x", 2, null, null, null));
        Tls tls = new Tls(List.of("shop", "web"), "web");
        assertThat(drafts.getLast().portRules())
                .containsExactly(
                        new PortRule(443, "http", "selector:tier=front", 0, null, null, null, null, null, null, tls),
                        new PortRule(993, "tcp", "container:Mail_1", 143, null, null, null, null, null, null, tls),
                        new PortRule(80, "http", "web", 1));
        assertThat(tls.all()).as("the default first").containsExactly("web", "shop");
    }

    @Test
    void connectionsMayBeRoutedByServerNameToTlsOfTheServices() {
        assertThat(Compose.parse("""
                services:
                  web: {image: i}
                  lb:
                    image: drover/lb
                    lb_config:
                      port_rules:
                      - {source_port: 443, target_port: 1, service: web, protocol: sni, hostname: a.example.com}
                      - {source_port: 443, target_port: 2, service: web, protocol: sni, hostname: '*.example.com', priority: 1}
                """, "", Map.of()).getLast().portRules())
                .containsExactly(
                        new PortRule(443, "sni", "web", 1, "a.example.com", null, null, null, null, null),
                        new PortRule(443, "sni", "web", 2, "*.example.com", null, 1, null, null, null));
    }

    @Test
    void grpcIsHttpWhoseTargetsSpeakHttp2() {
        assertThat(Compose.parse("""
                services:
                  web: {image: i}
                  lb:
                    image: drover/lb
                    lb_config:
                      default_cert: shop
                      port_rules:
                      - {source_port: 50051, target_port: 1, service: web, protocol: grpc, path: /shop.Cart}
                      - {source_port: 443, target_port: 1, service: web, protocol: grpcs}
                """, "", Map.of()).getLast().portRules())
                .containsExactly(
                        new PortRule(50051, "grpc", "web", 1, null, "/shop.Cart", null, null, null, null),
                        new PortRule(
                                443, "grpc", "web", 1, null, null, null, null, null, null, new Tls(List.of(), "shop")));
    }

    @Test
    void aLoadBalancerMayLimitItsClientsWriteAnAccessLogAndSpeakTlsToItsTargets() {
        String pin = "sha256/" + "A".repeat(43) + "=";
        List<PortRule> rules =
                Compose.parse("""
                services:
                  web: {image: i}
                  lb:
                    image: drover/lb
                    lb_config:
                      access_log: json
                      limits: {body_bytes: 1048576, rate_per_source: 50}
                      timeouts: {first_byte: 5000}
                      stickiness_policy: {cookie: shop, domain: .example.com, postonly: true}
                      port_rules:
                      - {source_port: 80, target_port: 1, service: web, target_tls: {name: shop.internal, pins: ['%s']}}
                      - {source_port: 81, target_port: 2, service: web, target_tls: {verify: false}}
                """.formatted(pin), "", Map.of()).getLast().portRules();
        Serving serving = new Serving(
                Map.of("limits.body-bytes", 1_048_576L, "limits.rate-per-source", 50L, "timeouts.first-byte", 5_000L),
                "json",
                ".example.com",
                true);
        assertThat(rules).allSatisfy(rule -> {
            assertThat(rule.serving()).isEqualTo(serving);
            assertThat(rule.stickyCookie()).isEqualTo("shop");
        });
        assertThat(rules)
                .extracting(PortRule::targetTls)
                .containsExactly(
                        new TargetTls(List.of(pin), "shop.internal", true), new TargetTls(List.of(), null, false));
    }

    @Test
    void mergeKeysAndAliasesAreResolved() {
        List<ServiceDraft> drafts = Compose.parse("""
                x-base: &base {image: busybox, tty: true, environment: {A: "1"}}
                services:
                  a: {<<: *base, tty: false}
                  b: {<<: [{image: other}, *base]}
                """, "", Map.of());
        assertThat(drafts.getFirst().spec()).satisfies(spec -> {
            assertThat(spec.image()).isEqualTo("busybox");
            assertThat(spec.tty()).isFalse();
            assertThat(spec.environment()).containsExactly(Map.entry("A", "1"));
        });
        assertThat(drafts.getLast().spec()).satisfies(spec -> {
            assertThat(spec.image()).isEqualTo("other");
            assertThat(spec.tty()).isTrue();
        });
    }

    @Test
    void variablesComeFromTheRequestOnly() {
        ServiceDraft draft = Compose.parse("""
                web:
                  image: "${REPO}/web:${TAG:-latest}"
                  command: echo $$HOME $REPO
                  environment: [TOKEN, "X=${EMPTY:-y}"]
                  scale: ${N}
                """, "", Map.of("REPO", "r", "N", "3", "TOKEN", "t", "EMPTY", ""))
                .getFirst();
        assertThat(draft.scale()).isEqualTo(3);
        assertThat(draft.spec().image()).isEqualTo("r/web:latest");
        assertThat(draft.spec().command()).containsExactly("echo", "$HOME", "r");
        assertThat(draft.spec().environment()).isEqualTo(Map.of("TOKEN", "t", "X", "y"));
        assertThatThrownBy(() -> Compose.parse("web:\n  image: ${PATH}\n", "", Map.of()))
                .hasMessage("docker-compose.yml:2: web.image: variable PATH is not set");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        comand: x                     | comand: unknown key (did you mean command?)
        enviroment: {A: b}            | enviroment: unknown key (did you mean environment?)
        bogus: 1                      | bogus: unknown key
        network_mode: host            | network_mode: not available in this version
        build: .                      | build: not available in this version
        healthcheck: {test: x}        | healthcheck: not available in this version
        tty: 1                        | tty: 1 (expected: true or false)
        tty: [a]                      | tty: a list (expected: true or false)
        scale: -1                     | scale: -1 (expected: an integer from 0 to 10000)
        scale: many                   | scale: many (expected: an integer from 0 to 10000)
        hostname: {a: b}              | hostname: a map (expected: a string)
        command: {a: b}               | command: a map (expected: a string or a list of strings)
        command: "a 'b"               | command: quote ' is not closed
        environment: x                | environment: a string (expected: a map or a list of NAME=VALUE)
        environment: {A: [1]}         | environment.A: a list (expected: a string)
        environment: {A: }            | environment.A: has no value, and no variable A is set
        ports: ["53:53/udp"]          | ports: 53:53/udp: not available in this version (expected: /tcp, or a load balancer with a port rule of protocol udp)
        ports: ["8000-8010"]          | ports: 8000-8010: port ranges are not available in this version
        ports: ["0:80"]               | ports: 0:80 (expected: PORT or HOSTPORT:PORT, /tcp or /udp may follow)
        ports: ["80:1", "80:2"]       | ports: 80:2: host port 80 is published twice
        ports: [{target: 80}]         | ports[0]: a map (expected: a string)
        ports: 80                     | ports: a number (expected: a list)
        volumes: [data]               | volumes: data (expected: /HOSTPATH:/PATH, NAME:/PATH, :ro may follow)
        volumes: ["./a:/b"]           | volumes: ./a:/b (expected: /HOSTPATH:/PATH, NAME:/PATH, :ro may follow)
        mem_limit: lots               | mem_limit: lots (expected: a size such as 512m)
        command: $                    | command: '$' without a variable name (expected: ${NAME}, or $$ for a dollar sign)
        command: ${A                  | command: ${A: no closing brace
        command: ${A:?no}             | command: ${A:?no} (expected: ${NAME} or ${NAME:-default})
        labels: {"io.rancher.scheduler.affinity:container_label": a=b} | labels: io.rancher.scheduler.affinity:container_label: not available in this version (expected: host_label rules)
        """)
    void faultOfAServiceNamesKeyAndLine(String line, String message) {
        assertThatThrownBy(() -> Compose.parse("services:\n  web:\n    image: i\n    " + line + "\n", "", Map.of()))
                .isInstanceOf(ComposeException.class)
                .hasMessage("docker-compose.yml:4: services.web." + message);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        health_check: {port: 80, interval: 5} | health_check.interval: 5 (expected: an integer from 10 to 300000)
        health_check: {port: 80, request_line: POST / HTTP/1.0} | health_check.request_line: POST / HTTP/1.0 (expected: GET /PATH HTTP/1.0, or none for a mere connect)
        health_check: {port: 80, strategy: recreate} | health_check.strategy: recreate: not available in this version (expected: none, unhealthy containers get no requests)
        health_check: {port: 80, initializing_timeout: 1} | health_check.initializing_timeout: not available in this version
        retain_ip: true               | retain_ip: not available in this version
        start_on_create: false        | start_on_create: false: services that wait are not available in this version
        sclae: 3                      | sclae: unknown key (did you mean scale?)
        upgrade_strategy: {batch_size: 2} | upgrade_strategy.batch_size: 2: not available in this version (expected: 1)
        upgrade_strategy: {start_first: false} | upgrade_strategy.start_first: false: not available in this version (expected: true, an upgrade starts the new instance first)
        lb_config: {port_rules: []}   | lb_config.port_rules: has no rule (expected: a list of rules)
        lb_config: {port_rules: [{target_port: 1, source_port: 2}]} | lb_config.port_rules[0].source_port: only for a load balancer (expected: image: drover/lb)
        lb_config: {port_rules: [{path: /}]} | lb_config.port_rules[0]: has no target_port
        """)
    void faultOfRancherComposeNamesKeyAndLine(String line, String message) {
        assertThatThrownBy(() -> Compose.parse("web: {image: i}", "web:\n  " + line + "\n", Map.of()))
                .isInstanceOf(ComposeException.class)
                .hasMessage("rancher-compose.yml:2: web." + message);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        {}                                                        | lb_config.port_rules: has no rule (expected: a list of rules)
        {port_rules: [{source_port: 1, target_port: 2}]}          | lb_config.port_rules[0]: has no service
        {port_rules: [{source_port: 1, target_port: 2, service: wbe}]} | lb_config.port_rules[0].service: wbe: no such service in this stack (did you mean web?)
        {port_rules: [{source_port: 0, target_port: 2, service: web}]} | lb_config.port_rules[0].source_port: 0 (expected: an integer from 1 to 65535)
        {port_rules: [{source_port: 1, target_port: 2, service: web, protocol: https}]} | lb_config.port_rules[0].protocol: https: without a certificate (expected: certs or default_cert of lb_config)
        {port_rules: [{source_port: 1, target_port: 2, service: web, protocol: sni, path: /x}]} | lb_config.port_rules[0].path: not with protocol sni (expected: http or https)
        {port_rules: [{source_port: 1, target_port: 2, service: web, protocol: grpcs}]} | lb_config.port_rules[0].protocol: grpcs: without a certificate (expected: certs or default_cert of lb_config)
        {port_rules: [{source_port: 1, target_port: 2, service: web, protocol: dccp}]} | lb_config.port_rules[0].protocol: dccp (expected: http, https, grpc, grpcs, tcp, tls, sni or udp)
        {port_rules: [{source_port: 1, target_port: 2, service: web, protocol: udp, hostname: a}]} | lb_config.port_rules[0].hostname: not with protocol udp (expected: http or https)
        {port_rules: [{source_port: 1, target_port: 2, service: web, protocol: udp}, {source_port: 1, target_port: 3, service: web, protocol: udp}]} | lb_config.port_rules[1].source_port: another rule has this port
        {port_rules: [{source_port: 1, target_port: 2, service: web, protocol: udp}, {source_port: 1, target_port: 3, service: web, protocol: tcp}]} | lb_config.port_rules[1].protocol: tcp (expected: udp, as another rule of port 1 has)
        {port_rules: [{source_port: 1, target_port: 2, service: web, selector: a=b}]} | lb_config.port_rules[0]: has several of service, container and selector (expected: one)
        {port_rules: [{source_port: 1, selector: 'a = = b'}]} | lb_config.port_rules[0].selector: a = = b (expected: KEY = VALUE, KEY != VALUE, KEY in (A, B), KEY notin (A, B) or KEY, with commas)
        {port_rules: [{source_port: 1, target_port: 2, container: 'a/b'}]} | lb_config.port_rules[0].container: a/b (expected: the name of a container)
        {port_rules: [{source_port: 1, target_port: 2, service: web, region: x}]} | lb_config.port_rules[0].region: not available in this version
        {certs: web, port_rules: [{source_port: 1, target_port: 2, service: web}]} | lb_config.certs: a string (expected: a list)
        {port_rules: [{source_port: 1, target_port: 2, service: web, hostname: 'a.b:80'}]} | lb_config.port_rules[0].hostname: a.b:80 (expected: a name, *.name or name.*, without a port)
        {port_rules: [{source_port: 1, target_port: 2, service: web, path: foo}]} | lb_config.port_rules[0].path: foo (expected: a path that begins with '/', without '?', '#' and '%')
        {port_rules: [{source_port: 1, target_port: 2, service: web, weight: 300}]} | lb_config.port_rules[0].weight: 300 (expected: an integer from 0 to 256)
        {port_rules: [{source_port: 1, target_port: 2, service: web, protocol: tcp, path: /x}]} | lb_config.port_rules[0].path: not with protocol tcp (expected: http or https)
        {port_rules: [{source_port: 1, target_port: 2, service: web}, {source_port: 1, target_port: 2, service: web}]} | lb_config.port_rules[1]: another rule says the same (expected: each rule once)
        {port_rules: [{source_port: 1, target_port: 2, service: web, protocol: tcp}, {source_port: 1, target_port: 3, service: web, protocol: tcp}]} | lb_config.port_rules[1].source_port: another rule has this port
        {port_rules: [{source_port: 1, target_port: 2, service: web}, {source_port: 1, target_port: 3, service: web, protocol: tcp}]} | lb_config.port_rules[1].protocol: tcp (expected: http, as another rule of port 1 has)
        {balance: best, port_rules: [{source_port: 1, target_port: 2, service: web}]} | lb_config.balance: best (expected: one of least-connections, maglev, power-of-two, round-robin, source-hash)
        {stickiness_policy: {mode: prefix}, port_rules: [{source_port: 1, target_port: 2, service: web}]} | lb_config.stickiness_policy.mode: prefix (expected: insert)
        {stickiness_policy: {cookie: 'a b'}, port_rules: [{source_port: 1, target_port: 2, service: web}]} | lb_config.stickiness_policy.cookie: a b (expected: a cookie name of 1 to 64 letters, digits, '-' or '_')
        """)
    void faultOfALoadBalancerNamesTheRule(String config, String message) {
        assertThatThrownBy(() -> Compose.parse(
                        "web: {image: i}\nlb:\n  image: drover/lb\n  lb_config: " + config + "\n", "", Map.of()))
                .isInstanceOf(ComposeException.class)
                .hasMessage("docker-compose.yml:4: lb." + message);
    }

    @Test
    void allFaultsAreReportedTogetherInTheOrderOfTheFiles() {
        ComposeException e = catchThrowableOfType(
                ComposeException.class,
                () -> Compose.parse(
                        "services:\n  web:\n    imag: i\n    tty: maybe\n  2_bad: {image: i}\nnetworks: {a: }\n",
                        "wbe: {scale: x}",
                        Map.of()));
        assertThat(e.faults())
                .extracting(Object::toString)
                .containsExactly(
                        "docker-compose.yml:3: services.web: has no image (expected: image: NAME)",
                        "docker-compose.yml:3: services.web.imag: unknown key (did you mean image?)",
                        "docker-compose.yml:4: services.web.tty: maybe (expected: true or false)",
                        "docker-compose.yml:5: services.2_bad: name (expected: 1 to 63 letters, digits and hyphens, no hyphen at"
                                + " either end)",
                        "docker-compose.yml:6: networks: not available in this version",
                        "rancher-compose.yml:1: wbe: service is not in docker-compose.yml (did you mean web?)");
        assertThat(e.path()).isEqualTo("compose.services.web");
    }

    @Test
    void textsThatAreNoComposeFileAreRefused() {
        assertRefused("", "docker-compose.yml: no service (expected: at least one)");
        assertRefused("services: {}", "docker-compose.yml: no service (expected: at least one)");
        assertRefused("- a", "docker-compose.yml:1: a list (expected: a map)");
        assertRefused("web: image", "docker-compose.yml:1: web: a string (expected: a map)");
        assertRefused("a: {image: i}\na: {image: j}", "docker-compose.yml:2: a: key is given twice");
        assertRefused("a: {image: i}\nA: {image: j}", "docker-compose.yml:2: A: another service has this name");
        assertRefused("a: &x [*x]", "docker-compose.yml:1: a: an alias contains itself");
        assertRefused("a: [", "docker-compose.yml:1: not YAML: ");
        assertRefused("a: *nowhere", "docker-compose.yml:1: not YAML: ");
        assertRefused("[".repeat(100_000), "docker-compose.yml:1: nested too deeply (expected: at most 32 levels)");
        assertRefused("a: " + "x".repeat(YamlReader.MAX_CODE_POINTS), "docker-compose.yml: too long");
    }

    @Test
    void manyAliasesOfAliasesStaySmall() {
        StringBuilder bomb = new StringBuilder("a0: &a0 [x]\n");
        for (int i = 1; i < 20; i++) {
            bomb.append("a").append(i).append(": &a").append(i).append(" [");
            bomb.append(("*a" + (i - 1) + ",").repeat(9)).append("]\n");
        }
        assertThatThrownBy(() -> Compose.parse(bomb.toString(), "", Map.of())).isInstanceOf(ComposeException.class);
    }

    @Test
    void damagedFilesNeverFailOtherwise() {
        String good = """
                x-base: &b {image: i, environment: [A=1, "B=${C:-d}"]}
                services:
                  web: {<<: *b, ports: ["80:80/tcp"], command: sh -c 'a b', volumes: [/a:/b], mem_limit: 1g}
                  lb: {image: drover/lb, lb_config: {port_rules: [{source_port: 1, target_port: 2, service: web}]}}
                """;
        long seed = System.nanoTime();
        System.out.println("seed=" + seed);
        Random random = new Random(seed);
        String alphabet = good + "\u0000\t&*!|>%@`\"'{}[]:,?-#\ud83d";
        for (int i = 0; i < 3_000; i++) {
            StringBuilder text = new StringBuilder(good);
            for (int edits = 1 + random.nextInt(4); edits > 0; edits--) {
                int at = random.nextInt(text.length());
                switch (random.nextInt(3)) {
                    case 0 -> text.deleteCharAt(at);
                    case 1 -> text.insert(at, alphabet.charAt(random.nextInt(alphabet.length())));
                    default -> text.setCharAt(at, alphabet.charAt(random.nextInt(alphabet.length())));
                }
            }
            try {
                assertThat(Compose.parse(text.toString(), text.toString(), Map.of()))
                        .isNotEmpty();
            } catch (ComposeException e) {
                assertThat(e.getMessage()).isNotBlank();
            } catch (RuntimeException e) {
                throw new AssertionError("seed " + seed + " fails with:\n" + text, e);
            }
        }
    }

    private static ServiceDraft one(String compose) {
        return Compose.parse(compose, "", Map.of()).getFirst();
    }

    private static void assertRefused(String compose, String message) {
        assertThatThrownBy(() -> Compose.parse(compose, "", Map.of()))
                .isInstanceOf(ComposeException.class)
                .hasMessageStartingWith(message);
    }
}
