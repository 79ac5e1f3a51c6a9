package dev.drover.perf;

import dev.drover.lab.Cluster;
import dev.drover.lab.Lab;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A network of containers over several hosts that is measured: how a container gets into it, and how it is asked for. */
sealed interface Contender {
    /** How long a command to an engine may take. */
    Duration COMMAND = Duration.ofSeconds(60);

    String IMAGE = "busybox";
    String SERVICE = "web";

    String label();

    /** Options of {@code docker run} that put a container into the network. */
    List<String> runOptions();

    /** The resolver that containers of the network have. */
    InetAddress resolver();

    /** What a container's resolver is asked for another one's address. */
    String containerName(String container);

    /** The name with an address for each instance of the service. */
    String serviceName();

    /** What the names of the service's containers begin with. */
    String instancePrefix();

    /** Starts the service with one instance. */
    void startService();

    /** Asks for that many instances and does not wait for them. */
    void scaleService(int instances);

    /** Runs a container on a host until it is removed. */
    default void run(Lab lab, String host, String name) {
        List<String> command = new ArrayList<>(List.of("run", "-d", "--name", name));
        command.addAll(runOptions());
        command.addAll(List.of(IMAGE, "sleep", "100000"));
        lab.docker(host, COMMAND, command.toArray(String[]::new)).orThrow();
    }

    /** The process of a running container. */
    static String pid(Lab lab, String host, String name) {
        return lab.docker(host, COMMAND, "inspect", "-f", "{{.State.Pid}}", name)
                .orThrow()
                .strip();
    }

    /** A probe in a container of its own on each host. */
    default List<NameProbe> probes(Lab lab) {
        return lab.spec().hosts().stream()
                .map(host -> {
                    String name = "probe-" + label();
                    run(lab, host, name);
                    return new NameProbe(host, "/proc/" + pid(lab, host, name) + "/ns/net", resolver());
                })
                .toList();
    }

    /** Containers with the label that Rancher 1.x gave them. */
    record Drover(Cluster cluster) implements Contender {
        private static final String ZONE = ".rancher.internal";
        private static final String STACK = "convergence";

        @Override
        public String label() {
            return "drover";
        }

        @Override
        public List<String> runOptions() {
            return List.of("-l", "io.rancher.container.network=true");
        }

        @Override
        public InetAddress resolver() {
            return InetAddress.ofLiteral("169.254.169.250");
        }

        @Override
        public String containerName(String container) {
            return container + ZONE;
        }

        @Override
        public String serviceName() {
            return SERVICE + "." + STACK + ZONE;
        }

        @Override
        public String instancePrefix() {
            return STACK + "-" + SERVICE + "-";
        }

        @Override
        public void startService() {
            cluster.stackUp(STACK, """
                    %s:
                      image: %s
                      command: sleep 100000
                    """.formatted(SERVICE, IMAGE));
        }

        @Override
        public void scaleService(int instances) {
            cluster.scale(STACK, SERVICE, instances);
        }
    }

    /** An attachable overlay network of a swarm of the same engines. */
    record Swarm(Lab lab) implements Contender {
        private static final String NETWORK = "convergence";
        /** Another than 4789, which Drover has on the same hosts. */
        private static final String VXLAN_PORT = "4790";

        /** Makes a swarm of all hosts, the first is its manager. */
        static Swarm form(Lab lab) {
            String manager = lab.spec().hosts().getFirst();
            String address = lab.spec().address(manager);
            lab.docker(manager, COMMAND, "swarm", "init", "--advertise-addr", address, "--data-path-port", VXLAN_PORT)
                    .orThrow();
            String token = lab.docker(manager, COMMAND, "swarm", "join-token", "-q", "worker")
                    .orThrow()
                    .strip();
            lab.spec().hosts().stream()
                    .skip(1)
                    .forEach(host -> lab.docker(
                                    host,
                                    COMMAND,
                                    "swarm",
                                    "join",
                                    "--advertise-addr",
                                    lab.spec().address(host),
                                    "--token",
                                    token,
                                    address + ":2377")
                            .orThrow());
            lab.docker(manager, COMMAND, "network", "create", "-d", "overlay", "--attachable", NETWORK)
                    .orThrow();
            return new Swarm(lab);
        }

        @Override
        public String label() {
            return "swarm";
        }

        /** The upstream of Docker's resolver is a closed port, so that it says at once what it does not know. */
        @Override
        public List<String> runOptions() {
            return List.of("--network", NETWORK, "--dns", lab.spec().address("cp"));
        }

        @Override
        public InetAddress resolver() {
            return InetAddress.ofLiteral("127.0.0.11");
        }

        @Override
        public String containerName(String container) {
            return container;
        }

        @Override
        public String serviceName() {
            return "tasks." + SERVICE;
        }

        @Override
        public String instancePrefix() {
            return SERVICE + ".";
        }

        @Override
        public void startService() {
            service(Stream.of("create", "-d", "--name", SERVICE, "--network", NETWORK, IMAGE, "sleep", "100000"));
        }

        @Override
        public void scaleService(int instances) {
            service(Stream.of("scale", "-d", SERVICE + "=" + instances));
        }

        private void service(Stream<String> arguments) {
            lab.docker(
                            lab.spec().hosts().getFirst(),
                            COMMAND,
                            Stream.concat(Stream.of("service"), arguments).toArray(String[]::new))
                    .orThrow();
        }
    }
}
