package dev.drover.perf;

import dev.drover.perf.BenchReport.Better;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code drover bench lb}: Drover's load balancer, HAProxy and nginx between the same client and the same origin, case by
 * case in alternating rounds, so that all meet the same noise.
 */
@Command(
        name = "lb",
        description =
                "HAProxy and nginx against Drover's load balancer: HTTP/1.1 and 2, TLS, new connections, L4, latency, memory.",
        mixinStandardHelpOptions = true)
final class LbBench implements Callable<Integer> {
    private static final int CONNECTIONS = 64;
    private static final int MANY_CONNECTIONS = 1_000;
    private static final int DOWNLOADS = 4;
    private static final int HANDSHAKES = 3_000;
    private static final int H2_CONNECTIONS = 16;
    private static final int H2_STREAMS = 32;
    private static final int IDLE_CONNECTIONS = 10_000;
    private static final int MAX_SECONDS = 40;
    private static final int WARM_UP_S = 10;
    private static final double OPEN_LOOP_SHARE = 0.5;

    @Option(names = "--rounds", description = "alternating rounds of each case (default: ${DEFAULT-VALUE})")
    private int rounds = 5;

    @Option(names = "--seconds", description = "length of one measurement (default: ${DEFAULT-VALUE})")
    private int seconds = 3;

    @Option(names = "--json", paramLabel = "FILE", description = "also write the rows as JSON")
    private @Nullable Path json;

    private final Map<String, Object> failures = new TreeMap<>();

    /** Values of one round of one proxy, in the order of the case's measures. */
    private interface Measurement {
        List<Double> of(LbProxy proxy) throws Exception;
    }

    private record Measure(String what, String unit, Better better) {}

    private static final Measure CPU = new Measure("cpu of the proxy", "us/req", Better.LOWER);
    private static final Measure P50 = new Measure("p50", "us", Better.LOWER);
    private static final Measure P99 = new Measure("p99", "us", Better.LOWER);
    private static final Measure P999 = new Measure("p99.9", "us", Better.LOWER);

    @Override
    public Integer call() throws Exception {
        if (!"root".equals(System.getProperty("user.name"))) {
            throw new IllegalStateException(
                    "user: " + System.getProperty("user.name") + " (expected: root, namespaces are needed)");
        }
        if (rounds < 1 || seconds < 1 || seconds > MAX_SECONDS) {
            throw new IllegalStateException(
                    "--rounds, --seconds: (expected: at least 1, and at most " + MAX_SECONDS + " s)");
        }
        int cores = Runtime.getRuntime().availableProcessors();
        Map<String, Object> conditions = conditions();
        BenchReport report = new BenchReport("lb", "haproxy, nginx", conditions);
        System.err.println("starting client, origin and the three load balancers ...");
        try (LbTopology topology = new LbTopology(cores)) {
            Wrk wrk = new Wrk(topology.client(), topology.dir(), cores);
            List<LbProxy> proxies = new ArrayList<>();
            for (LbProxy.Kind kind : LbProxy.Kind.values()) {
                proxies.add(LbProxy.start(kind, topology));
            }
            warmUp(wrk, proxies);
            double slowest = http(report, wrk, proxies, CONNECTIONS, "100 B", "/small");
            http(report, wrk, proxies, MANY_CONNECTIONS, "100 B", "/small");
            http(report, wrk, proxies, CONNECTIONS, "16 KB", "/large");
            http(report, wrk, proxies, MANY_CONNECTIONS, "16 KB", "/large");
            newConnections(report, wrk, proxies);
            H2load h2load = new H2load(topology.client(), cores);
            handshakes(report, h2load, proxies);
            encrypted(report, wrk, proxies);
            http2(report, h2load, proxies);
            download(report, wrk, proxies);
            openLoop(report, topology, proxies, slowest * OPEN_LOOP_SHARE, conditions);
            proxies.forEach(LbProxy::close);
            idle(report, topology);
        }
        conditions.put("failed requests", failures);
        System.out.print(report.table());
        System.out.println("failed requests: " + (failures.isEmpty() ? "none" : failures));
        if (json != null) {
            report.writeJson(json);
        }
        return 0;
    }

    private Map<String, Object> conditions() {
        Map<String, Object> conditions = new LinkedHashMap<>();
        conditions.put("haproxy", LbProxy.version(LbProxy.Kind.HAPROXY));
        conditions.put("nginx", LbProxy.version(LbProxy.Kind.NGINX));
        conditions.put("rounds", rounds);
        conditions.put("seconds", seconds);
        conditions.putAll(Machine.conditions());
        return conditions;
    }

    /** Each case throws a round away besides; this is for code that every case needs, until the JIT has compiled it. */
    private void warmUp(Wrk wrk, List<LbProxy> proxies) {
        for (LbProxy proxy : proxies) {
            wrk.run(proxy.http("/small"), CONNECTIONS, WARM_UP_S, false);
            wrk.run(proxy.http("/small"), CONNECTIONS, WARM_UP_S / 2, true);
        }
    }

    /** @return requests per second of the slowest proxy */
    private double http(BenchReport report, Wrk wrk, List<LbProxy> proxies, int connections, String body, String path)
            throws Exception {
        String name = String.format(Locale.ROOT, "http keep-alive, %,d conns, %s", connections, body);
        return closedLoop(report, wrk, proxies, name, proxy -> proxy.http(path), connections, false);
    }

    private void newConnections(BenchReport report, Wrk wrk, List<LbProxy> proxies) throws Exception {
        closedLoop(
                report, wrk, proxies, "http, connection per request", proxy -> proxy.http("/small"), CONNECTIONS, true);
    }

    private void encrypted(BenchReport report, Wrk wrk, List<LbProxy> proxies) throws Exception {
        closedLoop(
                report,
                wrk,
                proxies,
                "https keep-alive, " + CONNECTIONS + " conns, 16 KB",
                proxy -> proxy.https("/large"),
                CONNECTIONS,
                false);
    }

    private void handshakes(BenchReport report, H2load h2load, List<LbProxy> proxies) throws Exception {
        String name = String.format(Locale.ROOT, "https, %,d new connections", HANDSHAKES);
        generated(
                report,
                name,
                new Measure("full handshakes", "1/s", Better.HIGHER),
                proxies,
                proxy -> h2load.handshakes(proxy.https("/small"), HANDSHAKES));
    }

    private void http2(BenchReport report, H2load h2load, List<LbProxy> proxies) throws Exception {
        String name = "http/2 with TLS, " + H2_CONNECTIONS + " conns of " + H2_STREAMS + " streams, 100 B";
        generated(
                report,
                name,
                new Measure("rate", "req/s", Better.HIGHER),
                proxies,
                proxy -> h2load.streams(proxy.https("/small"), H2_CONNECTIONS, H2_STREAMS, seconds));
    }

    private void generated(
            BenchReport report, String name, Measure rate, List<LbProxy> proxies, Function<LbProxy, H2load.Result> load)
            throws Exception {
        List<Measure> measures = List.of(rate, CPU);
        add(report, name, measures, alternate(name, proxies, measures, proxy -> {
            double before = proxy.cpuSeconds();
            H2load.Result result = load.apply(proxy);
            failed(name, proxy, result.failures());
            return List.of(result.perSecond(), (proxy.cpuSeconds() - before) * 1e6 / result.requests());
        }));
    }

    private double closedLoop(
            BenchReport report,
            Wrk wrk,
            List<LbProxy> proxies,
            String name,
            Function<LbProxy, String> url,
            int connections,
            boolean close)
            throws Exception {
        List<Measure> measures = List.of(new Measure("rate", "req/s", Better.HIGHER), CPU, P50, P99);
        Map<LbProxy.Kind, List<List<Double>>> values = alternate(name, proxies, measures, proxy -> {
            double before = proxy.cpuSeconds();
            Wrk.Result result = wrk.run(url.apply(proxy), connections, seconds, close);
            double cpuUs = (proxy.cpuSeconds() - before) * 1e6 / result.requests();
            failed(name, proxy, result.failures());
            return List.of(result.perSecond(), cpuUs, result.p50Us(), result.p99Us());
        });
        add(report, name, measures, values);
        return values.values().stream()
                .mapToDouble(of -> BenchReport.median(of.getFirst()))
                .min()
                .orElseThrow();
    }

    private void download(BenchReport report, Wrk wrk, List<LbProxy> proxies) throws Exception {
        String name = "tcp mode, " + DOWNLOADS + " downloads";
        List<Measure> measures = List.of(
                new Measure("rate", "MB/s", Better.HIGHER), new Measure("cpu of the proxy", "s/GB", Better.LOWER));
        add(report, name, measures, alternate(name, proxies, measures, proxy -> {
            double before = proxy.cpuSeconds();
            Wrk.Result result = wrk.run(proxy.tcp("/download"), DOWNLOADS, seconds, false);
            double cpu = (proxy.cpuSeconds() - before) / (result.bytes() / 1e9);
            failed(name, proxy, result.failures());
            return List.of(result.bytes() / 1e6 / result.seconds(), cpu);
        }));
    }

    private void openLoop(
            BenchReport report,
            LbTopology topology,
            List<LbProxy> proxies,
            double perSecond,
            Map<String, Object> conditions)
            throws Exception {
        conditions.put("open loop, requests per second", Math.round(perSecond));
        String name = String.format(Locale.ROOT, "open loop, %,.0f req/s, 100 B", perSecond);
        List<Measure> measures = List.of(P50, P99, P999, CPU);
        add(report, name, measures, alternate(name, proxies, measures, proxy -> {
            double before = proxy.cpuSeconds();
            OpenLoop.Result result =
                    OpenLoop.run(topology.client(), address(proxy), "/small", perSecond, CONNECTIONS, seconds);
            Histogram latency = result.latencyNs();
            double cpuUs = (proxy.cpuSeconds() - before) * 1e6 / latency.getTotalCount();
            failed(name, proxy, result.failures());
            return List.of(
                    latency.getValueAtPercentile(50) / 1e3,
                    latency.getValueAtPercentile(99) / 1e3,
                    latency.getValueAtPercentile(99.9) / 1e3,
                    cpuUs);
        }));
    }

    /** Every measurement has a fresh process, so that nobody's memory remembers an earlier case. */
    private void idle(BenchReport report, LbTopology topology) throws Exception {
        String name = String.format(Locale.ROOT, "idle, %,d keep-alive conns", IDLE_CONNECTIONS);
        List<Measure> measures = List.of(
                new Measure("resident memory", "MB", Better.LOWER),
                new Measure("of that for the connections", "MB", Better.LOWER));
        Map<LbProxy.Kind, List<List<Double>>> values = empty(measures);
        for (int round = 0; round < rounds; round++) {
            for (LbProxy.Kind kind : LbProxy.Kind.values()) {
                try (LbProxy proxy = LbProxy.start(kind, topology)) {
                    double before = proxy.residentMegabytes();
                    try (IdleConnections idle =
                            IdleConnections.open(topology.client(), address(proxy), "/small", IDLE_CONNECTIONS)) {
                        TimeUnit.SECONDS.sleep(1);
                        idle.check();
                        double during = proxy.residentMegabytes();
                        record(values, kind, List.of(during, during - before));
                        progress(name, round, kind, during, "MB");
                    }
                }
            }
        }
        add(report, name, measures, values);
    }

    private static InetSocketAddress address(LbProxy proxy) {
        return new InetSocketAddress(LbTopology.PROXY_ADDRESS, proxy.httpPort());
    }

    /** Lets the proxies take turns, each round beginning with another. */
    private Map<LbProxy.Kind, List<List<Double>>> alternate(
            String name, List<LbProxy> proxies, List<Measure> measures, Measurement measurement) throws Exception {
        Map<LbProxy.Kind, List<List<Double>>> values = empty(measures);
        for (int round = -1; round < rounds; round++) { // round -1 warms all up
            for (int i = 0; i < proxies.size(); i++) {
                LbProxy proxy = proxies.get((i + round + 1) % proxies.size());
                List<Double> measured = measurement.of(proxy);
                progress(
                        name,
                        round,
                        proxy.kind(),
                        measured.getFirst(),
                        measures.getFirst().unit());
                if (round >= 0) {
                    record(values, proxy.kind(), measured);
                }
            }
        }
        return values;
    }

    private static Map<LbProxy.Kind, List<List<Double>>> empty(List<Measure> measures) {
        Map<LbProxy.Kind, List<List<Double>>> values = new EnumMap<>(LbProxy.Kind.class);
        for (LbProxy.Kind kind : LbProxy.Kind.values()) {
            List<List<Double>> each = new ArrayList<>();
            measures.forEach(measure -> each.add(new ArrayList<>()));
            values.put(kind, each);
        }
        return values;
    }

    private static void record(Map<LbProxy.Kind, List<List<Double>>> values, LbProxy.Kind kind, List<Double> measured) {
        for (int i = 0; i < measured.size(); i++) {
            of(values, kind).get(i).add(measured.get(i));
        }
    }

    private static List<List<Double>> of(Map<LbProxy.Kind, List<List<Double>>> values, LbProxy.Kind kind) {
        return values.getOrDefault(kind, List.of());
    }

    private static void add(
            BenchReport report, String name, List<Measure> measures, Map<LbProxy.Kind, List<List<Double>>> values) {
        for (int i = 0; i < measures.size(); i++) {
            Measure measure = measures.get(i);
            for (LbProxy.Kind peer : List.of(LbProxy.Kind.HAPROXY, LbProxy.Kind.NGINX)) {
                report.add(
                        name + ", " + measure.what + ", " + peer.label(),
                        of(values, LbProxy.Kind.DROVER).get(i),
                        of(values, peer).get(i),
                        measure.unit,
                        measure.better);
            }
        }
    }

    private void failed(String name, LbProxy proxy, long count) {
        if (count > 0) {
            failures.merge(name + ", " + proxy.kind().label(), count, (a, b) -> (Long) a + (Long) b);
        }
    }

    private void progress(String what, int round, LbProxy.Kind kind, double value, String unit) {
        String which = round < 0 ? "warm-up" : "round " + (round + 1) + "/" + rounds;
        System.err.println(
                String.format(Locale.ROOT, "%-40s %-9s %-8s %10.2f %s", what, which, kind.label(), value, unit));
    }
}
