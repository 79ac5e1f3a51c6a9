package dev.drover.perf;

import dev.drover.dataplane.NetNs;
import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Two virtual hosts, 192.0.2.1 and 192.0.2.2, joined by a veth underlay of MTU 1500. Each carries the kernel's VXLAN device
 * on a bridge, and whatever is compared with it: a {@link DroverPair}, {@link UserSpacePeers}.
 */
final class OverlayTopology implements AutoCloseable {
    private static final int KERNEL_PORT = 4790; // Drover has the standard 4789
    private static final int KERNEL_NET = 43;
    private static final int KERNEL_MTU = 1450;

    private final String prefix = "dvb" + ProcessHandle.current().pid() % 10_000;
    private final List<String> namespaces = new ArrayList<>();

    OverlayTopology() {
        boolean ready = false;
        try {
            underlay();
            kernelOverlay();
            ready = true;
        } finally {
            if (!ready) {
                close();
            }
        }
    }

    OverlayPair kernel() throws IOException {
        return pair("kernel VXLAN", "k", KERNEL_NET);
    }

    /** The containers that {@link #container} made with this prefix and net. */
    OverlayPair pair(String name, String containers, int net) throws IOException {
        return new OverlayPair(
                name, prefix + containers + 1, prefix + containers + 2, InetAddress.getByName("10." + net + ".2.2"));
    }

    /** Namespaces of the two hosts. */
    List<String> hosts() {
        return List.of(host(1), host(2));
    }

    String host(int number) {
        return prefix + "h" + number;
    }

    /** A container namespace with 10.{@code net}.{@code host}.2 behind a bridge of a host; it goes with this topology, at the latest. */
    void container(String containers, int net, int host, String bridge, int mtu) {
        String port = "v" + containers + host;
        String namespace = namespace(containers + host);
        Shell.run("ip link add eth0 netns " + namespace + " type veth peer name " + port + " netns " + host(host));
        Shell.run("ip -n " + host(host) + " link set " + port + " mtu " + mtu + " master " + bridge + " up");
        Shell.run("ip -n " + namespace + " addr add 10." + net + "." + host + ".2/16 dev eth0");
        Shell.run("ip -n " + namespace + " link set eth0 mtu " + mtu + " up");
    }

    /** Takes the containers away that {@link #container} made with this prefix. */
    void remove(String containers) {
        List<String> gone = List.of(prefix + containers + 1, prefix + containers + 2);
        Cleanup.namespaces(namespaces.stream().filter(gone::contains).toList());
        namespaces.removeAll(gone);
    }

    /** Runs {@code task} inside a namespace; sockets made there stay there. */
    static <T, X extends Exception> T in(String namespace, NetNs.Task<T, X> task) throws X {
        try (NetNs target = NetNs.open("/run/netns/" + namespace)) {
            return target.call(task);
        }
    }

    private String namespace(String suffix) {
        String namespace = prefix + suffix;
        namespaces.add(namespace);
        Shell.run("ip netns add " + namespace);
        Shell.run("ip -n " + namespace + " link set lo up");
        return namespace;
    }

    private void underlay() {
        for (int i = 1; i <= 2; i++) {
            namespace("h" + i);
        }
        Shell.run("ip link add eth0 netns " + host(1) + " type veth peer name eth0 netns " + host(2));
        for (int i = 1; i <= 2; i++) {
            Shell.run("ip -n " + host(i) + " addr add 192.0.2." + i + "/24 dev eth0");
            Shell.run("ip -n " + host(i) + " link set eth0 mtu 1500 up");
        }
    }

    private void kernelOverlay() {
        for (int i = 1; i <= 2; i++) {
            String host = "ip -n " + host(i) + " ";
            Shell.run(host + "link add brk type bridge");
            Shell.run(host + "link add vxk type vxlan id 43 dstport " + KERNEL_PORT + " local 192.0.2." + i
                    + " remote 192.0.2." + (3 - i) + " dev eth0 udpcsum");
            Shell.run(host + "link set vxk mtu " + KERNEL_MTU + " master brk up");
            Shell.run(host + "link set brk up");
            container("k", KERNEL_NET, i, "brk", KERNEL_MTU);
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

    @Override
    public void close() {
        Cleanup.namespaces(namespaces);
    }
}
