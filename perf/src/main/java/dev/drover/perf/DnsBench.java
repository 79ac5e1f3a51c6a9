package dev.drover.perf;

import dev.drover.perf.BenchReport.Better;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code drover bench dns}: authoritative answers of Drover, Knot, NSD, unbound and dnsmasq, one thread each, in turn. */
@Command(
        name = "dns",
        description = "Knot, NSD, unbound and dnsmasq against Drover: queries per second, CPU per query, latency.",
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

    /** @param rcode that every answer must have */
    private record Case(String name, Path queries, String rcode) {}

    @Override
    public Integer call() throws Exception {
        if (rounds < 1 || seconds < 1) {
            throw new IllegalStateException("--rounds and --seconds: (expected: at least 1)");
        }
        if (soakMinutes != 0) {
            return soak();
        }
        BenchReport report = new BenchReport("dns", "each server named in the case", conditions());
        System.err.println("starting Drover, Knot, NSD, unbound and dnsmasq with " + DnsServers.NAMES + " names ...");
        try (DnsServers servers = new DnsServers()) {
            Path few = queries(servers, "few", i -> DnsServers.name(i % FEW_NAMES));
            Random random = new Random(1);
            Path many = queries(servers, "many", i -> DnsServers.name(random.nextInt(DnsServers.NAMES)));
            Path absent = queries(servers, "absent", i -> "absent" + i + ".stack");
            measure(report, servers, new Case("1,000 names", few, "NOERROR"));
            measure(report, servers, new Case("100,000 names", many, "NOERROR"));
            measure(report, servers, new Case("no such name", absent, "NXDOMAIN"));
            latency(report, servers);
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
        return conditions;
    }

    private static String version(String server) {
        String option = server.equals("nsd") ? "-v" : server.equals("dnsmasq") ? "--version" : "-V";
        return Shell.run(List.of("sh", "-c", server + " " + option + " 2>&1 | head -n 1"))
                .strip();
    }

    private interface Name {
        String of(int i);
    }

    private static Path queries(DnsServers servers, String file, Name name) throws IOException {
        Path path = servers.dir().resolve(file + ".queries");
        Files.write(
                path,
                IntStream.range(0, QUERIES)
                        .mapToObj(i -> name.of(i) + "." + DnsServers.ZONE + " A")
                        .toList());
        return path;
    }

    private void measure(BenchReport report, DnsServers servers, Case what) throws IOException {
        List<List<Run>> runs = new ArrayList<>();
        for (DnsServers.Kind _ : DnsServers.Kind.values()) {
            runs.add(new ArrayList<>());
        }
        for (int round = -1; round < rounds; round++) { // round -1 warms all up
            for (DnsServers.Kind kind : DnsServers.Kind.values()) {
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
                    runs.get(kind.ordinal()).add(run);
                }
            }
        }
        List<Run> drover = runs.get(DnsServers.Kind.DROVER.ordinal());
        for (DnsServers.Kind kind : DnsServers.Kind.PEERS) {
            List<Run> peer = runs.get(kind.ordinal());
            String name = what.name + ", " + kind.label();
            report.add(name, rates(drover), rates(peer), "q/s", Better.HIGHER);
            report.add(name + ", cpu", cpu(drover), cpu(peer), "us", Better.LOWER);
        }
    }

    private void latency(BenchReport report, DnsServers servers) throws Exception {
        List<List<Double>> p50 = new ArrayList<>();
        List<List<Double>> p99 = new ArrayList<>();
        for (DnsServers.Kind _ : DnsServers.Kind.values()) {
            p50.add(new ArrayList<>());
            p99.add(new ArrayList<>());
        }
        for (int round = -1; round < rounds; round++) {
            for (DnsServers.Kind kind : DnsServers.Kind.values()) {
                Histogram times = DnsRoundTrip.measure(servers, kind, ROUND_TRIPS);
                if (round >= 0) {
                    p50.get(kind.ordinal()).add(times.getValueAtPercentile(50) / 1e3);
                    p99.get(kind.ordinal()).add(times.getValueAtPercentile(99) / 1e3);
                }
            }
        }
        int drover = DnsServers.Kind.DROVER.ordinal();
        for (DnsServers.Kind kind : DnsServers.Kind.PEERS) {
            int peer = kind.ordinal();
            report.add("one at a time, p50, " + kind.label(), p50.get(drover), p50.get(peer), "us", Better.LOWER);
            report.add("one at a time, p99, " + kind.label(), p99.get(drover), p99.get(peer), "us", Better.LOWER);
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
        String output = Shell.run(servers.atClient(
                "dnsperf",
                "-s",
                servers.address(),
                "-p",
                String.valueOf(kind.port()),
                "-d",
                what.queries.toString(),
                "-l",
                String.valueOf(seconds),
                "-c",
                String.valueOf(SOCKETS),
                "-T",
                "1",
                "-q",
                String.valueOf(OUTSTANDING)));
        double cpu = servers.cpuSeconds(kind) - before;
        double completed = number(COMPLETED, output);
        String rcodes = text(RCODES, output);
        if (!rcodes.startsWith(what.rcode) || !rcodes.contains("(100.00%)")) {
            throw new IllegalStateException(
                    kind.label() + ", " + what.name + ": " + rcodes + " (expected: nothing but " + what.rcode + ")");
        }
        return new Run(number(RATE, output), cpu * 1e6 / completed, number(LOST, output) * 100 / completed);
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
