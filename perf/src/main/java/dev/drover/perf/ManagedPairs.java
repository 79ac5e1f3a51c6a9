package dev.drover.perf;

import dev.drover.lab.Cluster;
import dev.drover.lab.Lab;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Containers of real engines on two hosts of a lab: of an environment with Drover's nodes, and of a Docker swarm of the
 * same engines.
 */
final class ManagedPairs implements AutoCloseable {
    private static final Duration ATTEMPT = Duration.ofSeconds(1);
    private static final int ATTEMPTS = 20;

    private final Cluster cluster;
    private final List<String> namespaces = new ArrayList<>();

    private ManagedPairs(Cluster cluster) {
        this.cluster = cluster;
    }

    static ManagedPairs up() {
        return new ManagedPairs(Cluster.up("ovl", 2, System.err::println));
    }

    OverlayPair drover() throws IOException {
        return pair(new Contender.Drover(cluster));
    }

    OverlayPair swarm() throws IOException {
        return pair(Contender.Swarm.form(cluster.lab()));
    }

    /** Starts a container on each host, and gives their namespaces names. */
    private OverlayPair pair(Contender contender) throws IOException {
        Lab lab = cluster.lab();
        String container = "bench-" + contender.label();
        List<String> pair = new ArrayList<>();
        for (String host : lab.spec().hosts()) {
            contender.run(lab, host, container + "-" + host);
            String pid = Contender.pid(lab, host, container + "-" + host);
            String namespace = "dvb" + pid;
            Shell.run("ip netns attach " + namespace + " " + pid);
            namespaces.add(namespace);
            pair.add(namespace);
        }
        String second = container + "-" + lab.spec().hosts().getLast();
        NameProbe probe =
                new NameProbe(lab.spec().hosts().getFirst(), "/run/netns/" + pair.getFirst(), contender.resolver());
        InetAddress address = address(probe, contender.containerName(second));
        return new OverlayPair(contender.label(), pair.getFirst(), pair.getLast(), address);
    }

    /** Asked from new sockets until it answers: one that was made before its container was attached has another source. */
    private static InetAddress address(NameProbe probe, String name) throws IOException {
        for (int attempt = 1; ; attempt++) {
            try {
                return probe.await(name, found -> !found.isEmpty(), true, ATTEMPT)
                        .addresses()
                        .iterator()
                        .next();
            } catch (IOException | IllegalStateException e) {
                if (attempt == ATTEMPTS) {
                    throw e;
                }
                OverlayTopology.pause();
            }
        }
    }

    @Override
    public void close() {
        Cleanup.namespaces(namespaces);
        cluster.close();
    }
}
