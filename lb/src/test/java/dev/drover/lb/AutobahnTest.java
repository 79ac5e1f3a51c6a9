package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import java.net.InetSocketAddress;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * The Autobahn test suite's fuzzing client (0.5.6, on Jython) against an echo server of WebSocket (RFC 6455) behind a
 * listener without TLS and one with it. No case may fail that passes at the same server without us.
 *
 * <p>The whole suite sends hundreds of megabytes through an interpreter; it runs where the system property {@code
 * drover.autobahn} names one, {@code jython} (an hour) or the path of a Python 2.7 (minutes). Compressed messages, which this version of the suite does not know, are
 * frames as any others for us.
 */
class AutobahnTest {
    /** Frames of every size of length, fragments, control frames between them, reserved bits, closes good and bad. */
    private static final String SELECTION = """
            "1.1.6", "1.2.7", "2.10", "3.2", "4.2.4", "5.8", "5.19", "6.3.2", "7.1.1", "7.3.5", "7.9.4", "9.1.1", "10.1.1"\
            """;

    private static final int CASES = 301;
    private static final Pattern AGENT = Pattern.compile("\"(direct|plain|tls)\"\\s*:\\s*\\{");
    private static final Pattern RESULT = Pattern.compile("\"([0-9.]+)\"\\s*:\\s*\\{([^}]*)}");
    private static final Pattern VERDICT = Pattern.compile("\"(behavior|behaviorClose)\"\\s*:\\s*\"([^\"]*)\"");
    private static final Set<String> GOOD = Set.of("OK", "NON-STRICT", "INFORMATIONAL");

    @TempDir
    Path directory;

    private Map<String, Map<String, String>> verdicts = new TreeMap<>();

    @Test
    @Timeout(120)
    void frames_of_every_kind_pass_as_they_came() throws Exception {
        run(SELECTION, "jython", 60, List.of("plain", "tls"));
        for (String agent : List.of("plain", "tls")) {
            assertThat(verdicts.get(agent)).as(agent).hasSize(13);
            assertThat(verdicts.get(agent).values()).as(agent).isSubsetOf(GOOD);
        }
    }

    @Test
    @Timeout(7_200)
    @EnabledIfSystemProperty(named = "drover.autobahn", matches = ".+")
    void the_whole_suite_says_what_it_says_without_us() throws Exception {
        run("\"*\"", System.getProperty("drover.autobahn", "jython"), 7_100, List.of("direct", "plain", "tls"));
        assertThat(verdicts.get("plain")).hasSize(CASES);
        same();
    }

    /** A case may differ in how it goes, as those with broken UTF-8 do by timing, but not between good and bad. */
    private void same() {
        Map<String, String> direct = verdicts.get("direct");
        assertThat(direct.values()).isSubsetOf(GOOD);
        for (String agent : List.of("plain", "tls")) {
            Map<String, String> through = verdicts.get(agent);
            assertThat(through.keySet()).as(agent).isEqualTo(direct.keySet());
            through.forEach((id, verdict) -> assertThat(verdict)
                    .as("%s, case %s, directly %s", agent, id, direct.get(id))
                    .isIn(GOOD));
        }
    }

    private void run(String cases, String python, int seconds, List<String> agents) throws Exception {
        TestCertificate certificate = TestCertificate.create(directory, "web", "localhost");
        try (Lanes lanes = Lanes.open(Transport.EPOLL, 2);
                WebSocketEcho echo = new WebSocketEcho();
                LoadBalancer lb = new LoadBalancer(lanes)) {
            ListenerConfig tls = listener("tls", echo.address())
                    .withEntry(EntryConfig.tls(new TlsConfig(List.of(certificate.files()))));
            lb.applyStrict(new LbConfig(List.of(listener("plain", echo.address()), tls)));
            Map<String, InetSocketAddress> bound =
                    lb.status().stream().collect(Collectors.toMap(ListenerStatus::name, ListenerStatus::bound));
            // The tool's own TLS needs what Jython lacks: another load balancer in front speaks it to targets.
            try (LoadBalancer encrypts = new LoadBalancer(lanes)) {
                PoolConfig pool = PoolConfig.of(
                                "tls", Balance.ROUND_ROBIN, List.of(TargetConfig.active(bound.get("tls"))))
                        .withTargetTls(TargetTlsConfig.ca(certificate.certificate(), "localhost"));
                encrypts.applyStrict(new LbConfig(List.of(new ListenerConfig(
                        "tls", Harness.loopback(0), Protocol.HTTP, List.of(RouteConfig.everything(pool))))));
                Map<String, InetSocketAddress> at = new TreeMap<>(Map.of(
                        "direct", echo.address(),
                        "plain", bound.get("plain"),
                        "tls", encrypts.status().getFirst().bound()));
                at.keySet().retainAll(agents);
                verdicts = run(cases, python, seconds, at);
            }
            assertThat(lb.outcomes().get("UPGRADED"))
                    .isGreaterThanOrEqualTo(2L * verdicts.get("plain").size());
            assertThat(lb.events().get("UNEXPECTED_EXCEPTION")).isZero();
        }
    }

    private static ListenerConfig listener(String name, InetSocketAddress target) {
        return new ListenerConfig(
                name, Harness.loopback(0), Protocol.HTTP, Balance.ROUND_ROBIN, List.of(TargetConfig.active(target)));
    }

    /** Verdict by case by agent. */
    private Map<String, Map<String, String>> run(
            String cases, String python, int seconds, Map<String, InetSocketAddress> agents) throws Exception {
        String servers = agents.entrySet().stream()
                .map(agent -> "{\"agent\":\"%s\",\"url\":\"ws://127.0.0.1:%d/\",\"options\":{\"version\":18}}"
                        .formatted(agent.getKey(), agent.getValue().getPort()))
                .collect(Collectors.joining(","));
        Path spec = Files.writeString(directory.resolve("spec.json"), """
                {"outdir":"%s","servers":[%s],"cases":[%s],"exclude-cases":[],"exclude-agent-cases":{}}
                """.formatted(directory, servers, cases));
        Path suite = jar("/autobahntestsuite/wstest.py");
        Path script = Files.writeString(directory.resolve("run.py"), """
                import sys
                sys.path.insert(0, sys.argv[1])
                sys.argv = ['wstest', '-m', 'fuzzingclient', '-s', sys.argv[2]]
                from autobahntestsuite import wstest
                wstest.run()
                """);
        Path out = directory.resolve("out.txt");
        List<String> command = new ArrayList<>(python.equals("jython") ? jython() : List.of(python));
        command.addAll(List.of(script.toString(), suite.toString(), spec.toString()));
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(out.toFile())
                .start();
        try {
            assertThat(process.waitFor(seconds, TimeUnit.SECONDS))
                    .as(() -> "the suite ends: " + tail(out))
                    .isTrue();
        } finally {
            process.destroyForcibly();
        }
        Path report = directory.resolve("index.json");
        assertThat(report).as(() -> tail(out)).exists();
        return read(Files.readString(report));
    }

    private List<String> jython() throws URISyntaxException {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx768m",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Dpython.cachedir=" + directory.resolve("cache"),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                jar("/org/python/util/jython.class").toString(),
                "org.python.util.jython");
    }

    private static String tail(Path out) {
        try {
            String text = Files.readString(out);
            return text.substring(Math.max(0, text.length() - 2_000));
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** The jar of the class path that holds {@code resource}. */
    private static Path jar(String resource) throws URISyntaxException {
        URL url = AutobahnTest.class.getResource(resource);
        assertThat(url).as(resource).isNotNull();
        String file = url.getPath();
        return Path.of(new java.net.URI(file.substring(0, file.indexOf('!'))));
    }

    private static Map<String, Map<String, String>> read(String json) {
        Map<String, Map<String, String>> all = new TreeMap<>();
        TreeMap<Integer, String> agents = new TreeMap<>();
        Matcher agent = AGENT.matcher(json);
        while (agent.find()) {
            agents.put(agent.start(), agent.group(1));
        }
        Matcher result = RESULT.matcher(json);
        while (result.find()) {
            String worst = "OK";
            Matcher verdict = VERDICT.matcher(result.group(2));
            while (verdict.find()) {
                if (worst.equals("OK") || !GOOD.contains(verdict.group(2))) {
                    worst = verdict.group(2);
                }
            }
            all.computeIfAbsent(agents.floorEntry(result.start()).getValue(), _ -> new TreeMap<>())
                    .put(result.group(1), worst);
        }
        return all;
    }
}
