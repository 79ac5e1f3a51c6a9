package dev.drover.perf;

import dev.drover.lab.Cluster;
import dev.drover.lab.Lab;
import dev.drover.perf.BenchReport.Better;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code drover bench convergence}: how soon a change of containers is seen on every host; Docker swarm in turn. */
@Command(
        name = "convergence",
        description =
                "Docker swarm's overlay against Drover: container start until it resolves and answers everywhere.",
        mixinStandardHelpOptions = true)
final class ConvergenceBench implements Callable<Integer> {
    private static final int HOSTS = 3;
    private static final int WARM_UP = 3;

    @Option(names = "--rounds", description = "rounds over both networks (default: ${DEFAULT-VALUE})")
    private int rounds = 5;

    @Option(
            names = "--containers",
            description = "containers that live and die in a round in each network (default: ${DEFAULT-VALUE})")
    private int containers = 10;

    @Option(names = "--json", paramLabel = "FILE", description = "also write the rows as JSON")
    private @Nullable Path json;

    /** What one network did: a list of samples a round. */
    private static final class Samples {
        final Convergence network;
        final List<List<Convergence.Life>> lives = new ArrayList<>();
        final List<List<Convergence.Growth>> scaled = new ArrayList<>();

        Samples(Convergence network) {
            this.network = network;
        }
    }

    @Override
    public Integer call() throws Exception {
        if (rounds < 1 || containers < 1 || rounds * containers > 500) {
            throw new IllegalStateException(
                    "--rounds and --containers: (expected: at least 1 each, together at most 500 containers)");
        }
        Map<String, Object> conditions = new LinkedHashMap<>();
        conditions.put("hosts", HOSTS);
        conditions.put("rounds", rounds);
        conditions.put("containersOfEachRound", containers);
        conditions.putAll(Machine.conditions());
        BenchReport report = new BenchReport("convergence", "Docker swarm's attachable overlay", conditions);
        try (Cluster cluster = Cluster.up("conv", HOSTS, ConvergenceBench::progress)) {
            Lab lab = cluster.lab();
            conditions.put(
                    "docker",
                    lab.docker("host1", Contender.COMMAND, "version", "-f", "{{.Server.Version}}")
                            .orThrow()
                            .strip());
            progress("a swarm of the same engines");
            Contender.Swarm swarm = Contender.Swarm.form(lab);
            try (DockerEvents events = new DockerEvents(lab);
                    Convergence ours = new Convergence(lab, new Contender.Drover(cluster), events);
                    Convergence theirs = new Convergence(lab, swarm, events)) {
                Samples drover = new Samples(ours);
                Samples peer = new Samples(theirs);
                measure(drover, peer);
                rows(report, drover, peer);
            }
        }
        System.out.print(report.table());
        if (json != null) {
            report.writeJson(json);
        }
        return 0;
    }

    private void measure(Samples drover, Samples peer) throws InterruptedException {
        List<Samples> both = List.of(drover, peer);
        for (Samples each : both) {
            progress("warm-up of " + (each == drover ? "Drover" : "swarm"));
            for (int i = 0; i < WARM_UP; i++) {
                each.network.life();
            }
            each.network.startService();
        }
        for (int round = 1; round <= rounds; round++) {
            for (Samples each : round % 2 == 0 ? both.reversed() : both) {
                round(each);
                progress(String.format(
                        Locale.ROOT,
                        "round %d/%d %-6s p50: resolvable on its host after %.1f ms, reachable from all after %.1f ms",
                        round,
                        rounds,
                        each == drover ? "Drover" : "swarm",
                        BenchReport.median(values(
                                each.lives.getLast(), life -> life.resolved().local())),
                        BenchReport.median(values(
                                each.lives.getLast(), life -> life.reached().everywhere()))));
            }
        }
    }

    private void round(Samples samples) throws InterruptedException {
        List<Convergence.Life> lives = new ArrayList<>();
        List<Convergence.Growth> scaled = new ArrayList<>();
        for (int i = 0; i < containers; i++) {
            lives.add(samples.network.life());
            if (i % 5 == 0) {
                scaled.add(samples.network.scaleUp());
            }
        }
        samples.lives.add(lives);
        samples.scaled.add(scaled);
    }

    private static void rows(BenchReport report, Samples drover, Samples peer) {
        lives(
                report,
                drover,
                peer,
                "docker run until reachable by name from every host",
                life -> life.called().everywhere());
        lives(
                report,
                drover,
                peer,
                "start until reachable by name from every host",
                life -> life.reached().everywhere());
        lives(
                report,
                drover,
                peer,
                "start until resolvable on its host",
                life -> life.resolved().local());
        lives(
                report,
                drover,
                peer,
                "start until resolvable on all others",
                life -> life.resolved().remote());
        lives(
                report,
                drover,
                peer,
                "start until reachable from its host",
                life -> life.reached().local());
        lives(
                report,
                drover,
                peer,
                "start until reachable from all others",
                life -> life.reached().remote());
        lives(
                report,
                drover,
                peer,
                "end until name gone on its host",
                life -> life.gone().local());
        lives(
                report,
                drover,
                peer,
                "end until name gone on all others",
                life -> life.gone().remote());
        grown(
                report,
                drover,
                peer,
                "service: scale until resolvable everywhere",
                growth -> growth.called().everywhere());
        grown(
                report,
                drover,
                peer,
                "service: start until resolvable on its host",
                growth -> growth.started().local());
        grown(
                report,
                drover,
                peer,
                "service: start until resolvable on all others",
                growth -> growth.started().remote());
    }

    private static void grown(
            BenchReport report, Samples drover, Samples peer, String name, Function<Convergence.Growth, Double> value) {
        add(report, name, drover.scaled, peer.scaled, value);
    }

    private static void lives(
            BenchReport report, Samples drover, Samples peer, String name, Function<Convergence.Life, Double> value) {
        add(report, name, drover.lives, peer.lives, value);
    }

    /** A row for the median of each round, and one for the tail of all. */
    private static <T> void add(
            BenchReport report, String name, List<List<T>> drover, List<List<T>> peer, Function<T, Double> value) {
        report.add(
                name + ", p50",
                drover.stream()
                        .map(round -> BenchReport.median(values(round, value)))
                        .toList(),
                peer.stream()
                        .map(round -> BenchReport.median(values(round, value)))
                        .toList(),
                "ms",
                Better.LOWER);
        report.add(
                name + ", p99 of all rounds",
                List.of(p99(drover, value)),
                List.of(p99(peer, value)),
                "ms",
                Better.LOWER);
    }

    private static <T> List<Double> values(List<T> round, Function<T, Double> value) {
        return round.stream().map(value).toList();
    }

    /** Nearest rank: of fewer than 100 samples it is the largest. */
    private static <T> double p99(List<List<T>> rounds, Function<T, Double> value) {
        List<Double> sorted =
                rounds.stream().flatMap(List::stream).map(value).sorted().toList();
        return sorted.get((int) Math.ceil(sorted.size() * 0.99) - 1);
    }

    private static void progress(String what) {
        System.err.println(what);
    }
}
