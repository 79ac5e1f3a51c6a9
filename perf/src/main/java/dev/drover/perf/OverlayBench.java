package dev.drover.perf;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.drover.perf.BenchReport.Better;
import dev.drover.perf.DroverPair.Variant;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code drover bench overlay}: the kernel's VXLAN device and Drover between the same two hosts, case by case in
 * alternating rounds, so that both meet the same noise.
 */
@Command(
        name = "overlay",
        description = "Kernel VXLAN and other overlays against Drover: TCP streams, 64-byte UDP packets, round trips.",
        mixinStandardHelpOptions = true)
final class OverlayBench implements Callable<Integer> {
    private static final int UDP_PAYLOAD_BYTES = 64;
    private static final int ROUND_TRIPS = 10_000;
    private static final int WARM_UP_SECONDS = 10;
    private static final double BYTES_PER_GB = 1e9;

    @Option(names = "--rounds", description = "alternating rounds of each case (default: ${DEFAULT-VALUE})")
    private int rounds = 5;

    @Option(names = "--seconds", description = "length of one throughput measurement (default: ${DEFAULT-VALUE})")
    private int seconds = 3;

    @Option(names = "--mode", description = "auto, super, gso or plain (default: ${DEFAULT-VALUE})")
    private String mode = "auto";

    @Option(
            names = "--peers",
            description = "also against wireguard-go, tinc, nebula and Open vSwitch, which are installed if absent,"
                    + " and between real containers against Docker swarm")
    private boolean peers;

    @Option(names = "--variants", description = "also modes gso and plain, encryption, and event loops on io_uring")
    private boolean variants;

    @Option(names = "--json", paramLabel = "FILE", description = "also write the rows as JSON")
    private @Nullable Path json;

    @Override
    public Integer call() throws Exception {
        if (!"root".equals(System.getProperty("user.name"))) {
            throw new IllegalStateException(
                    "user: " + System.getProperty("user.name") + " (expected: root, namespaces are needed)");
        }
        if (rounds < 1 || seconds < 1) {
            throw new IllegalStateException("--rounds and --seconds: (expected: at least 1)");
        }
        Map<String, Object> conditions = conditions();
        BenchReport report = new BenchReport("overlay", "kernel", conditions);
        System.err.println("starting two hosts, each with a kernel VXLAN device and a Drover node ...");
        try (OverlayTopology topology = new OverlayTopology();
                DroverPair nodes = DroverPair.start(topology, Variant.USUAL, mode)) {
            List<OverlayPair> pairs = List.of(nodes.pair(), topology.kernel());
            warm(pairs);
            long collections = nodes.collections();
            long startNs = System.nanoTime();
            everything(report, pairs, "");
            conditions.put("collectionsOfNodes", nodes.collections() - collections);
            conditions.put("collectionsCountedForSeconds", TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - startNs));
            if (variants) {
                variants(report, topology, nodes.pair());
            }
            if (peers) {
                userSpacePeers(report, topology, nodes.pair());
            }
        }
        if (peers) {
            swarm(report);
        }
        System.out.print(report.table());
        System.out.println("garbage collections of both nodes in " + conditions.get("collectionsCountedForSeconds")
                + " s of the first cases: " + conditions.get("collectionsOfNodes"));
        if (json != null) {
            report.writeJson(json);
        }
        return 0;
    }

    private Map<String, Object> conditions() {
        Map<String, Object> conditions = new LinkedHashMap<>();
        conditions.put("mode", mode);
        conditions.put("rounds", rounds);
        conditions.put("seconds", seconds);
        conditions.putAll(Machine.conditions());
        return conditions;
    }

    private void everything(BenchReport report, List<OverlayPair> pairs, String suffix) throws Exception {
        tcp(report, pairs, 1, suffix);
        tcp(report, pairs, 8, suffix);
        udp(report, pairs, suffix);
        roundTrip(report, pairs, suffix);
    }

    private void variants(BenchReport report, OverlayTopology topology, OverlayPair usual) throws Exception {
        inMode(report, topology, Variant.GSO, "gso");
        inMode(report, topology, Variant.PLAIN, "plain");
        try (DroverPair nodes = DroverPair.start(topology, Variant.ENCRYPTED, mode)) {
            List<OverlayPair> pairs = List.of(nodes.pair(), topology.kernel());
            warm(pairs);
            tcp(report, pairs, 1, ", encrypted");
        }
        try (DroverPair nodes = DroverPair.start(topology, Variant.IO_URING, mode)) {
            List<OverlayPair> pairs = List.of(nodes.pair(), usual);
            warm(pairs);
            everything(report, pairs, ", io_uring against epoll");
        }
    }

    private void inMode(BenchReport report, OverlayTopology topology, Variant variant, String itsMode)
            throws Exception {
        try (DroverPair nodes = DroverPair.start(topology, variant, itsMode)) {
            List<OverlayPair> pairs = List.of(nodes.pair(), topology.kernel());
            warm(pairs);
            tcp(report, pairs, 1, ", " + variant.label());
            udp(report, pairs, ", " + variant.label());
        }
    }

    private void userSpacePeers(BenchReport report, OverlayTopology topology, OverlayPair usual) throws Exception {
        try (DroverPair encrypted = DroverPair.start(topology, Variant.ENCRYPTED, mode)) {
            warm(List.of(encrypted.pair()));
            for (UserSpacePeers.Kind kind : UserSpacePeers.Kind.values()) {
                try (UserSpacePeers peer = UserSpacePeers.start(kind, topology.hosts())) {
                    tcp(report, List.of(usual, peer.pair()), 1, ", " + kind.label());
                    if (kind.encrypts()) {
                        tcp(report, List.of(encrypted.pair(), peer.pair()), 1, ", encrypted, " + kind.label());
                    }
                }
            }
        }
    }

    private void swarm(BenchReport report) throws Exception {
        try (ManagedPairs managed = ManagedPairs.up()) {
            List<OverlayPair> pairs = List.of(managed.drover(), managed.swarm());
            warm(pairs);
            everything(report, pairs, ", containers, swarm");
        }
    }

    private void tcp(BenchReport report, List<OverlayPair> pairs, int streams, String peer) throws Exception {
        List<List<Double>> gbits = List.of(new ArrayList<>(), new ArrayList<>());
        List<List<Double>> cpu = List.of(new ArrayList<>(), new ArrayList<>());
        String what = "tcp, " + streams + (streams == 1 ? " stream" : " streams") + peer;
        for (int round = -1; round < rounds; round++) { // round -1 warms both sides up
            for (int side = 0; side < 2; side++) {
                double before = Cpu.busySeconds();
                JsonNode result = iperf3(pairs.get(side), streams, seconds);
                double busy = Cpu.busySeconds() - before;
                JsonNode received = result.path("end").path("sum_received");
                double rate = received.path("bits_per_second").asDouble() / 1e9;
                progress(what, round, pairs.get(side), rate, "Gbit/s");
                if (round >= 0) {
                    gbits.get(side).add(rate);
                    cpu.get(side).add(busy / (received.path("bytes").asDouble() / BYTES_PER_GB));
                }
            }
        }
        report.add(what, gbits.get(0), gbits.get(1), "Gbit/s", Better.HIGHER);
        report.add(what + ", cpu of the machine", cpu.get(0), cpu.get(1), "s/GB", Better.LOWER);
    }

    /** A JVM compiles what it does often, so a node that just started tells nothing of one that runs. */
    private static void warm(List<OverlayPair> pairs) throws IOException, InterruptedException {
        for (OverlayPair pair : pairs) {
            System.err.println("warming up for " + WARM_UP_SECONDS + " s: " + pair.name());
            iperf3(pair, 1, WARM_UP_SECONDS);
        }
    }

    private static JsonNode iperf3(OverlayPair pair, int streams, int seconds)
            throws IOException, InterruptedException {
        String address = pair.secondAddress().getHostAddress();
        Process server = new ProcessBuilder("ip", "netns", "exec", pair.second(), "iperf3", "-s", "-1", "-B", address)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try {
            awaitListening(pair);
            String output = Shell.run(
                    "ip netns exec " + pair.first() + " iperf3 -J -c " + address + " -t " + seconds + " -P " + streams);
            return new ObjectMapper().readTree(output);
        } finally {
            if (!server.waitFor(2, TimeUnit.SECONDS)) {
                server.destroyForcibly().waitFor();
            }
        }
    }

    private static void awaitListening(OverlayPair pair) throws InterruptedException {
        for (int i = 0; i < 200; i++) {
            if (Shell.run("ip netns exec " + pair.second() + " ss -Hltn").contains(":5201")) {
                return;
            }
            TimeUnit.MILLISECONDS.sleep(20);
        }
        throw new IllegalStateException("iperf3: the server did not start listening");
    }

    private void udp(BenchReport report, List<OverlayPair> pairs, String peer) throws Exception {
        List<List<Double>> rates = List.of(new ArrayList<>(), new ArrayList<>());
        String what = "udp, 64-byte payload, received" + peer;
        for (int round = -1; round < rounds; round++) {
            for (int side = 0; side < 2; side++) {
                double rate = UdpFlood.receivedPerSecond(pairs.get(side), UDP_PAYLOAD_BYTES, seconds) / 1e3;
                progress(what, round, pairs.get(side), rate, "kpps");
                if (round >= 0) {
                    rates.get(side).add(rate);
                }
            }
        }
        report.add(what, rates.get(0), rates.get(1), "kpps", Better.HIGHER);
    }

    private void roundTrip(BenchReport report, List<OverlayPair> pairs, String peer) throws Exception {
        List<List<Double>> p50 = List.of(new ArrayList<>(), new ArrayList<>());
        List<List<Double>> p99 = List.of(new ArrayList<>(), new ArrayList<>());
        for (int round = -1; round < rounds; round++) {
            for (int side = 0; side < 2; side++) {
                Histogram times = UdpRoundTrip.measure(pairs.get(side), UDP_PAYLOAD_BYTES, ROUND_TRIPS);
                double median = times.getValueAtPercentile(50) / 1e3;
                progress("round trip p50" + peer, round, pairs.get(side), median, "us");
                if (round >= 0) {
                    p50.get(side).add(median);
                    p99.get(side).add(times.getValueAtPercentile(99) / 1e3);
                }
            }
        }
        report.add("round trip, p50" + peer, p50.get(0), p50.get(1), "us", Better.LOWER);
        report.add("round trip, p99" + peer, p99.get(0), p99.get(1), "us", Better.LOWER);
    }

    private void progress(String what, int round, OverlayPair pair, double value, String unit) {
        String which = round < 0 ? "warm-up" : "round " + (round + 1) + "/" + rounds;
        System.err.println(
                String.format(Locale.ROOT, "%-32s %-9s %-14s %10.2f %s", what, which, pair.name(), value, unit));
    }
}
