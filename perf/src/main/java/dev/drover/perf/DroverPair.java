package dev.drover.perf;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A Drover node on each of two hosts, started as its user would start it, with a container namespace behind each. Several
 * pairs can be on the same hosts, one of each variant. All of it ends with this object.
 */
final class DroverPair implements AutoCloseable {
    private static final long NODE_READY_S = 20;
    private static final Pattern MTU = Pattern.compile(" mtu (\\d+) ");

    /** How the nodes are set up, and what tells them from others on the same hosts. */
    enum Variant {
        /** Mode as the bench was asked for. */
        USUAL("drover", 42, 4789, false, "epoll"),
        GSO("mode gso", 50, 4791, false, "epoll"),
        PLAIN("mode plain", 51, 4792, false, "epoll"),
        ENCRYPTED("encrypted", 52, 4793, true, "epoll"),
        IO_URING("io_uring", 53, 4794, false, "io_uring");

        private final String label;
        private final int net;
        private final int port;
        private final boolean encrypted;
        private final String transport;

        Variant(String label, int net, int port, boolean encrypted, String transport) {
            this.label = label;
            this.net = net;
            this.port = port;
            this.encrypted = encrypted;
            this.transport = transport;
        }

        String label() {
            return label;
        }
    }

    private final OverlayTopology topology;
    private final Variant variant;
    private final String bridge;
    private final List<Process> nodes = new ArrayList<>();
    private final Path dir;

    private DroverPair(OverlayTopology topology, Variant variant, Path dir) {
        this.topology = topology;
        this.variant = variant;
        this.bridge = "brd" + variant.net;
        this.dir = dir;
    }

    /** @param mode of the overlay, as in the node file */
    static DroverPair start(OverlayTopology topology, Variant variant, String mode) throws IOException {
        DroverPair pair = new DroverPair(topology, variant, Files.createTempDirectory("drover-bench"));
        boolean ready = false;
        try {
            pair.startNodes(mode);
            ready = true;
            return pair;
        } finally {
            if (!ready) {
                pair.close();
            }
        }
    }

    OverlayPair pair() throws IOException {
        return topology.pair(variant.label, containers(), variant.net);
    }

    /** Garbage collections of both nodes since they started, as their JVMs count them. */
    long collections() {
        return nodes.stream()
                .flatMap(node -> Stream.concat(Stream.of(node.toHandle()), node.descendants()))
                .filter(process -> process.info().command().orElse("").endsWith("/java"))
                .mapToLong(process -> collections(process.pid()))
                .sum();
    }

    private static long collections(long pid) {
        List<String> table = Shell.run(
                        List.of(System.getProperty("java.home") + "/bin/jstat", "-gc", String.valueOf(pid)))
                .lines()
                .toList();
        List<String> columns = List.of(table.get(0).strip().split("\\s+"));
        List<String> values = List.of(table.get(1).strip().split("\\s+"));
        return Long.parseLong(values.get(columns.indexOf("YGC"))) + Long.parseLong(values.get(columns.indexOf("FGC")));
    }

    private String containers() {
        return "d" + variant.net + "c";
    }

    private void startNodes(String mode) throws IOException {
        List<String> publicKeys = new ArrayList<>();
        for (int host = 1; variant.encrypted && host <= 2; host++) {
            publicKeys.add(Shell.run(List.of(
                            launcher(),
                            "overlay",
                            "keygen",
                            dir.resolve("key" + host).toString()))
                    .strip());
        }
        for (int host = 1; host <= 2; host++) {
            int peer = 3 - host;
            Path config = dir.resolve("node" + host + ".yaml");
            Files.writeString(config, """
                    overlay:
                      vni: %1$d
                      vtep: 192.0.2.%2$d
                      port: %3$d
                      bridge: %4$s
                      mode: %5$s
                      %6$s
                      peers:
                        - { vtep: 192.0.2.%7$d, subnets: [10.%1$d.%7$d.0/24], probe: true%8$s }
                    transport: %9$s
                    """.formatted(
                            variant.net,
                            host,
                            variant.port,
                            bridge,
                            mode,
                            variant.encrypted ? "encryption: { private-key-file: key" + host + " }" : "",
                            peer,
                            variant.encrypted ? ", public-key: \"" + publicKeys.get(peer - 1) + "\"" : "",
                            variant.transport));
            startNode(host, config);
        }
        for (int host = 1; host <= 2; host++) {
            topology.container(containers(), variant.net, host, bridge, awaitBridge(host));
        }
    }

    private static String launcher() {
        String launcher = System.getenv("DROVER_LAUNCHER");
        if (launcher == null) {
            throw new IllegalStateException(
                    "DROVER_LAUNCHER: not set (expected: the launcher; start by ./drover bench)");
        }
        return launcher;
    }

    private void startNode(int host, Path config) throws IOException {
        List<String> command = List.of(
                "nsenter",
                "--net=/run/netns/" + topology.host(host),
                launcher(),
                "node",
                "--config",
                config.toString());
        nodes.add(new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log(host).toFile())
                .start());
    }

    private Path log(int host) {
        return dir.resolve("node" + host + ".log");
    }

    /** Waits for the bridge with the node's TAP; returns its MTU, which is what containers must have. */
    private int awaitBridge(int host) throws IOException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(NODE_READY_S);
        Integer mtu;
        while ((mtu = mtuOfTap(host)) == null) {
            if (System.nanoTime() > deadline || nodes.stream().anyMatch(n -> !n.isAlive())) {
                throw new IllegalStateException(variant.label + ": nodes not ready within " + NODE_READY_S
                        + " s; their logs say:\n" + Files.readString(log(1)) + Files.readString(log(2)));
            }
            OverlayTopology.pause();
        }
        return mtu;
    }

    private @Nullable Integer mtuOfTap(int host) {
        return Shell.run("ip -n " + topology.host(host) + " -o link")
                .lines()
                .filter(line -> line.contains(" master " + bridge + " "))
                .map(MTU::matcher)
                .filter(Matcher::find)
                .map(found -> Integer.valueOf(found.group(1)))
                .findFirst()
                .orElse(null);
    }

    @Override
    public void close() {
        topology.remove(containers());
        Cleanup.processes(nodes);
        Cleanup.directory(dir);
    }
}
