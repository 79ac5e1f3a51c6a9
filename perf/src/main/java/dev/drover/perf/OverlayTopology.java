package dev.drover.perf;

import dev.drover.dataplane.NetNs;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Two virtual hosts joined by a veth underlay, MTU 1500. Each carries two overlays at once: the kernel's VXLAN device on a
 * bridge, and a Drover node started as its user would start it. One container namespace per host and overlay.
 */
final class OverlayTopology implements AutoCloseable {
    private static final int KERNEL_PORT = 4790; // Drover keeps the standard 4789
    private static final long NODE_READY_S = 20;

    private final String prefix = "dvb" + ProcessHandle.current().pid() % 10_000;
    private final List<String> namespaces = new ArrayList<>();
    private final List<Process> nodes = new ArrayList<>();
    private final Path dir;

    /** One side of a comparison: the namespaces of its two containers and the address of the second. */
    record Pair(String name, String first, String second, InetAddress secondAddress) {}

    OverlayTopology(String mode) throws IOException {
        dir = Files.createTempDirectory("drover-bench");
        boolean ready = false;
        try {
            underlay();
            kernelOverlay();
            droverOverlay(mode);
            ready = true;
        } finally {
            if (!ready) {
                close();
            }
        }
    }

    Pair kernel() throws IOException {
        return new Pair("kernel VXLAN", prefix + "k1", prefix + "k2", InetAddress.getByName("10.43.2.2"));
    }

    Pair drover() throws IOException {
        return new Pair("drover", prefix + "d1", prefix + "d2", InetAddress.getByName("10.42.2.2"));
    }

    /** Namespaces of the two hosts, which have 192.0.2.1 and 192.0.2.2 on one cable. */
    List<String> hosts() {
        return List.of(prefix + "h1", prefix + "h2");
    }

    /** Runs {@code task} inside a namespace; sockets made there stay there. */
    static <T, X extends Exception> T in(String namespace, NetNs.Task<T, X> task) throws X {
        try (NetNs target = NetNs.open("/run/netns/" + namespace)) {
            return target.call(task);
        }
    }

    private void underlay() {
        for (String suffix : List.of("h1", "h2", "k1", "k2", "d1", "d2")) {
            String namespace = prefix + suffix;
            namespaces.add(namespace);
            Shell.run("ip netns add " + namespace);
            Shell.run("ip -n " + namespace + " link set lo up");
        }
        Shell.run("ip link add eth0 netns " + prefix + "h1 type veth peer name eth0 netns " + prefix + "h2");
        for (int i = 1; i <= 2; i++) {
            Shell.run("ip -n " + prefix + "h" + i + " addr add 192.0.2." + i + "/24 dev eth0");
            Shell.run("ip -n " + prefix + "h" + i + " link set eth0 mtu 1500 up");
        }
    }

    private void kernelOverlay() {
        for (int i = 1; i <= 2; i++) {
            String host = "ip -n " + prefix + "h" + i + " ";
            Shell.run(host + "link add brk type bridge");
            Shell.run(host + "link add vxk type vxlan id 43 dstport " + KERNEL_PORT + " local 192.0.2." + i
                    + " remote 192.0.2." + (3 - i) + " dev eth0 udpcsum");
            Shell.run(host + "link set vxk mtu 1450 master brk up");
            Shell.run(host + "link set brk up");
            container("k" + i, "h" + i, "brk", "10.43." + i + ".2/16");
        }
    }

    private void droverOverlay(String mode) throws IOException {
        for (int i = 1; i <= 2; i++) {
            int peer = 3 - i;
            Path config = dir.resolve("node" + i + ".yaml");
            Files.writeString(config, """
                    overlay:
                      vni: 42
                      vtep: 192.0.2.%d
                      port: 4789
                      bridge: brd
                      mode: %s
                      peers:
                        - { vtep: 192.0.2.%d, subnets: [10.42.%d.0/24], probe: true }
                    admin: 127.0.0.1:9901
                    """.formatted(i, mode, peer, peer));
            startNode("h" + i, config, dir.resolve("node" + i + ".log"));
        }
        for (int i = 1; i <= 2; i++) {
            awaitBridge(prefix + "h" + i);
            container("d" + i, "h" + i, "brd", "10.42." + i + ".2/16");
        }
    }

    private void startNode(String hostSuffix, Path config, Path log) throws IOException {
        String launcher = System.getenv("DROVER_LAUNCHER");
        if (launcher == null) {
            throw new IllegalStateException(
                    "DROVER_LAUNCHER: not set (expected: the launcher; start by ./drover bench)");
        }
        List<String> command = List.of(
                "nsenter", "--net=/run/netns/" + prefix + hostSuffix, launcher, "node", "--config", config.toString());
        nodes.add(new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start());
    }

    private void awaitBridge(String host) throws IOException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(NODE_READY_S);
        while (!Shell.run("ip -n " + host + " -o link").contains("master brd")) {
            if (System.nanoTime() > deadline || nodes.stream().anyMatch(n -> !n.isAlive())) {
                throw new IllegalStateException("node: not ready within " + NODE_READY_S + " s; its log says:\n"
                        + Files.readString(dir.resolve("node1.log")) + Files.readString(dir.resolve("node2.log")));
            }
            pause();
        }
    }

    static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(50);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    private void container(String containerSuffix, String hostSuffix, String bridge, String address) {
        String port = "v" + containerSuffix;
        String container = "ip -n " + prefix + containerSuffix + " ";
        Shell.run("ip link add eth0 netns " + prefix + containerSuffix + " type veth peer name " + port + " netns "
                + prefix + hostSuffix);
        Shell.run("ip -n " + prefix + hostSuffix + " link set " + port + " mtu 1450 master " + bridge + " up");
        Shell.run(container + "addr add " + address + " dev eth0");
        Shell.run(container + "link set eth0 mtu 1450 up");
    }

    @Override
    public void close() {
        for (Process node : nodes) {
            node.destroy();
            try {
                if (!node.waitFor(3, TimeUnit.SECONDS)) {
                    node.destroyForcibly().waitFor();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        for (String namespace : namespaces) {
            try {
                Shell.run("ip netns del " + namespace);
            } catch (IllegalStateException e) {
                System.err.println("warning: " + e.getMessage());
            }
        }
        try (var files = Files.list(dir)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
            Files.delete(dir);
        } catch (IOException e) {
            System.err.println("warning: " + dir + ": " + e.getMessage());
        }
    }
}
