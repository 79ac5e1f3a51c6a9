package dev.drover.perf;

import dev.drover.perf.BenchReport.Better;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code drover bench dns}: answers of Drover, Knot, NSD, unbound, dnsmasq and CoreDNS, one thread each, in turn. */
@Command(
        name = "dns",
        description = "Knot, NSD, unbound, dnsmasq and, where a Go toolchain could build it, CoreDNS against Drover:"
                + " queries per second, CPU per query, latency.",
        mixinStandardHelpOptions = true)
final class DnsBench implements Callable<Integer> {
    private static final Pattern RATE = Pattern.compile("Queries per second:\\s+([0-9.]+)");
    private static final Pattern COMPLETED = Pattern.compile("Queries completed:\\s+([0-9]+)");
    private static final Pattern LOST = Pattern.compile("Queries lost:\\s+([0-9]+)");
    private static final Pattern RCODES = Pattern.compile("Response codes:\\s+(.*)");
    private static final int QUERIES = 100_000;
    private static final int FEW_NAMES = 1_000;
    private static final int SOCKETS = 16;
    private static final int OUTSTANDING = 200;
    private static final int ROUND_TRIPS = 5_000;
    /** Queries under way while the caches are filled: what the most modest forwarder takes. */
    private static final int PRIMING = 8;
    /** Most that the generator of the open loop sends in time, besides a server. */
    private static final double MOST_PER_SECOND = 30_000;

    @Option(names = "--rounds", description = "rounds of each case over all servers (default: ${DEFAULT-VALUE})")
    private int rounds = 5;

    @Option(names = "--seconds", description = "length of one measurement (default: ${DEFAULT-VALUE})")
    private int seconds = 3;

    @Option(
            names = "--soak",
            arity = "0..1",
            fallbackValue = "10",
            paramLabel = "MINUTES",
            description =
                    "no peers: full load while the zone changes 100 times a second, every answer checked; exit code"
                            + " 1 when one is wrong or lost, or memory grows (without a number: ${FALLBACK-VALUE})")
    private int soakMinutes;

    @Option(names = "--json", paramLabel = "FILE", description = "also write the rows as JSON")
    private @Nullable Path json;

    /** What one run of the load generator says. */
    private record Run(double queriesPerSecond, double cpuMicros, double lostPercent) {}

    /**
     * What is asked.
     *
     * @param servers that are asked
     * @param rcode that every answer must have
     */
    private record Case(String name, List<DnsServers.Kind> servers, Path queries, String rcode) {}

    @Override
    public Integer call() throws Exception {
        if (rounds < 1 || seconds < 1) {
            throw new IllegalStateException("--rounds and --seconds: (expected: at least 1)");
        }
        if (soakMinutes != 0) {
            return soak();
        }
        BenchReport report = new BenchReport("dns", "each server named in the case", conditions());
        System.err.println("starting Drover and its peers with " + DnsServers.NAMES + " names ...");
        try (DnsServers servers = new DnsServers()) {
            List<DnsServers.Kind> all = servers.kinds();
            List<DnsServers.Kind> forwarders =
                    all.stream().filter(DnsServers.Kind::forwards).toList();
            Path few = queries(servers, "few", QUERIES, i -> ours(i % FEW_NAMES));
            Random random = new Random(1);
            Path many = queries(servers, "many", QUERIES, i -> ours(random.nextInt(DnsServers.NAMES)));
            Path absent = queries(servers, "absent", QUERIES, i -> "absent" + i + ".stack." + DnsServers.ZONE);
            Path foreign = queries(servers, "foreign", DnsServers.FOREIGN_NAMES, DnsBench::foreign);
            measure(report, servers, new Case("1,000 names", all, few, "NOERROR"));
            double slowest = measure(report, servers, new Case("100,000 names", all, many, "NOERROR"));
            measure(report, servers, new Case("no such name", all, absent, "NXDOMAIN"));
            forwarders.forEach(kind -> fillCache(servers, kind, foreign));
            measure(report, servers, new Case("forwarded, cached", forwarders, foreign, "NOERROR"));
            oneAtATime(report, servers);
            openLoop(report, servers, Math.min(MOST_PER_SECOND, slowest / 2));
        }
        System.out.print(report.table());
        if (json != null) {
            report.writeJson(json);
        }
        return 0;
    }

    private int soak() throws Exception {
        if (soakMinutes < 0 || json != null) {
            throw new IllegalStateException("--soak: (expected: minutes above 0, and no --json)");
        }
        try (DnsSoak soak = new DnsSoak()) {
            DnsSoak.Outcome outcome = soak.run(Duration.ofMinutes(soakMinutes), System.err::println);
            System.out.printf(
                    Locale.ROOT,
                    "%d replies, %.0f a second, %d changes of the zone: %d wrong, %d lost, %d dropped by full sockets,"
                            + " live memory %+.1f MB, resident %+.1f MB%n",
                    outcome.answered(),
                    outcome.perSecond(),
                    outcome.changes(),
                    outcome.wrong(),
                    outcome.lost(),
                    outcome.overflows(),
                    outcome.liveGrowth() / 1e6,
                    outcome.residentGrowth() / 1e6);
            outcome.failures().forEach(failure -> System.out.println("FAILED  " + failure));
            return outcome.failures().isEmpty() ? 0 : 1;
        }
    }

    private Map<String, Object> conditions() {
        Map<String, Object> conditions = new LinkedHashMap<>();
        conditions.put("rounds", rounds);
        conditions.put("seconds", seconds);
        conditions.put("threads of each server", 1);
        conditions.putAll(Machine.conditions());
        for (String server : List.of("knotd", "nsd", "unbound", "dnsmasq")) {
            conditions.put(server, version(server));
        }
        String coredns = System.getenv("DROVER_COREDNS");
        conditions.put("coredns", coredns == null ? "none: it was not built" : version(coredns));
        return conditions;
    }

    private static String version(String server) {
        String option = switch (server) {
            case "nsd" -> "-v";
            case "dnsmasq" -> "--version";
            case "knotd", "unbound" -> "-V";
            default -> "-version";
        };
        return Shell.run(List.of("sh", "-c", server + " " + option + " 2>&1 | head -n 1"))
                .strip();
    }

    private interface Name {
        String of(int i);
    }

    private static String ours(int i) {
        return DnsServers.name(i) + "." + DnsServers.ZONE;
    }

    private static String foreign(int i) {
        return DnsServers.name(i) + "." + DnsServers.FOREIGN_ZONE;
    }

    private static Path queries(DnsServers servers, String file, int count, Name name) throws IOException {
        Path path = servers.dir().resolve(file + ".queries");
        Files.write(
                path, IntStream.range(0, count).mapToObj(i -> name.of(i) + " A").toList());
        return path;
    }

    /** Asks once for every name. */
    private static void fillCache(DnsServers servers, DnsServers.Kind kind, Path queries) {
        check(kind, "filling its cache", dnsperf(servers, kind, queries, PRIMING, "-n", "1"), "NOERROR");
    }

    /** Returns the rate of the slowest server. */
    private double measure(BenchReport report, DnsServers servers, Case what) throws IOException {
        Map<DnsServers.Kind, List<Run>> runs = new EnumMap<>(DnsServers.Kind.class);
        what.servers.forEach(kind -> runs.put(kind, new ArrayList<>()));
        for (int round = -1; round < rounds; round++) { // round -1 warms all up
            for (DnsServers.Kind kind : what.servers) {
                Run run = run(servers, kind, what);
                System.err.println(String.format(
                        Locale.ROOT,
                        "%-16s %-9s %-8s %9.0f q/s %6.2f us cpu %5.2f %% lost",
                        what.name,
                        round < 0 ? "warm-up" : "round " + (round + 1) + "/" + rounds,
                        kind.label(),
                        run.queriesPerSecond,
                        run.cpuMicros,
                        run.lostPercent));
                if (round >= 0) {
                    of(runs, kind).add(run);
                }
            }
        }
        List<Run> drover = of(runs, DnsServers.Kind.DROVER);
        for (DnsServers.Kind kind : peers(what.servers)) {
            List<Run> peer = of(runs, kind);
            String name = what.name + ", " + kind.label();
            report.add(name, rates(drover), rates(peer), "q/s", Better.HIGHER);
            report.add(name + ", cpu", cpu(drover), cpu(peer), "us", Better.LOWER);
        }
        return runs.values().stream()
                .mapToDouble(each -> BenchReport.median(rates(each)))
                .min()
                .orElseThrow();
    }

    private static List<DnsServers.Kind> peers(List<DnsServers.Kind> servers) {
        return servers.stream().filter(kind -> kind != DnsServers.Kind.DROVER).toList();
    }

    private static <T> List<T> of(Map<DnsServers.Kind, List<T>> lists, DnsServers.Kind kind) {
        return Objects.requireNonNull(lists.get(kind));
    }

    private void oneAtATime(BenchReport report, DnsServers servers) throws Exception {
        latency(report, servers, "one at a time", kind -> DnsRoundTrip.measure(servers, kind, ROUND_TRIPS));
    }

    private void openLoop(BenchReport report, DnsServers servers, double perSecond) throws Exception {
        String name = String.format(Locale.ROOT, "open loop, %.0f q/s", perSecond);
        latency(report, servers, name, kind -> DnsOpenLoop.run(servers, kind, perSecond, seconds));
    }

    private interface Times {
        Histogram of(DnsServers.Kind kind) throws Exception;
    }

    private void latency(BenchReport report, DnsServers servers, String name, Times measured) throws Exception {
        Map<DnsServers.Kind, List<Double>> p50 = new EnumMap<>(DnsServers.Kind.class);
        Map<DnsServers.Kind, List<Double>> p99 = new EnumMap<>(DnsServers.Kind.class);
        for (DnsServers.Kind kind : servers.kinds()) {
            p50.put(kind, new ArrayList<>());
            p99.put(kind, new ArrayList<>());
        }
        for (int round = -1; round < rounds; round++) {
            for (DnsServers.Kind kind : servers.kinds()) {
                Histogram times = measured.of(kind);
                if (round >= 0) {
                    of(p50, kind).add(times.getValueAtPercentile(50) / 1e3);
                    of(p99, kind).add(times.getValueAtPercentile(99) / 1e3);
                }
            }
        }
        for (DnsServers.Kind kind : peers(servers.kinds())) {
            report.add(
                    name + ", p50, " + kind.label(),
                    of(p50, DnsServers.Kind.DROVER),
                    of(p50, kind),
                    "us",
                    Better.LOWER);
            report.add(
                    name + ", p99, " + kind.label(),
                    of(p99, DnsServers.Kind.DROVER),
                    of(p99, kind),
                    "us",
                    Better.LOWER);
        }
    }

    private static List<Double> rates(List<Run> runs) {
        return runs.stream().map(Run::queriesPerSecond).toList();
    }

    private static List<Double> cpu(List<Run> runs) {
        return runs.stream().map(Run::cpuMicros).toList();
    }

    private Run run(DnsServers servers, DnsServers.Kind kind, Case what) throws IOException {
        double before = servers.cpuSeconds(kind);
        String output = dnsperf(servers, kind, what.queries, OUTSTANDING, "-l", String.valueOf(seconds));
        double cpu = servers.cpuSeconds(kind) - before;
        double completed = number(COMPLETED, output);
        check(kind, what.name, output, what.rcode);
        return new Run(number(RATE, output), cpu * 1e6 / completed, number(LOST, output) * 100 / completed);
    }

    private static void check(DnsServers.Kind kind, String what, String output, String rcode) {
        String rcodes = text(RCODES, output);
        if (!rcodes.startsWith(rcode) || !rcodes.contains("(100.00%)")) {
            throw new IllegalStateException(
                    kind.label() + ", " + what + ": " + rcodes + " (expected: nothing but " + rcode + ")");
        }
    }

    /** @param until option and value that end it */
    private static String dnsperf(
            DnsServers servers, DnsServers.Kind kind, Path queries, int outstanding, String... until) {
        List<String> command = new ArrayList<>(List.of(
                "dnsperf",
                "-s",
                servers.address(),
                "-p",
                String.valueOf(kind.port()),
                "-d",
                queries.toString(),
                "-c",
                String.valueOf(Math.min(SOCKETS, outstanding)),
                "-T",
                "1",
                "-q",
                String.valueOf(outstanding)));
        command.addAll(List.of(until));
        return Shell.run(servers.atClient(command.toArray(String[]::new)));
    }

    private static double number(Pattern pattern, String output) {
        return Double.parseDouble(text(pattern, output));
    }

    private static String text(Pattern pattern, String output) {
        Matcher matcher = pattern.matcher(output);
        if (!matcher.find()) {
            throw new IllegalStateException("dnsperf: no \"" + pattern + "\" in its output:\n" + output);
        }
        return matcher.group(1).strip();
    }
}
