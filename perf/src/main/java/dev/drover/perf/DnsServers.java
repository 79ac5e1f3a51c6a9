package dev.drover.perf;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * DNS servers of one thread each that serve the same zone on one virtual host, side by side on ports of their own; who is
 * not asked sleeps. The client is a second virtual host on the same cable.
 */
final class DnsServers implements AutoCloseable {
    static final int NAMES = 100_000;
    static final String ZONE = "rancher.internal";
    /** A zone that {@link Kind#KNOT} alone has; the others forward to it. */
    static final String FOREIGN_ZONE = "example.net";

    static final int FOREIGN_NAMES = 1_000;

    private static final String SERVER = "192.0.2.1";
    private static final String CLIENT = "192.0.2.2";
    private static final int FIRST_PORT = 5_310;
    private static final long READY_S = 30;
    /** Path of CoreDNS, null when there is none. */
    private static final @Nullable String COREDNS_PATH = System.getenv("DROVER_COREDNS");

    /** The servers, as their manuals set them up for one thread. */
    enum Kind {
        DROVER,
        KNOT,
        NSD,
        UNBOUND,
        DNSMASQ,
        /** Where the launcher could build it. */
        COREDNS;

        /** Whether it forwards and caches. */
        boolean forwards() {
            return this != KNOT && this != NSD;
        }

        int port() {
            return FIRST_PORT + ordinal();
        }

        String label() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    private final String prefix = "dvd" + ProcessHandle.current().pid() % 100_000;
    private final Path dir;
    private final Map<Kind, Process> running = new EnumMap<>(Kind.class);

    DnsServers() throws IOException {
        dir = Files.createTempDirectory("drover-bench-dns");
        boolean ready = false;
        try {
            cable();
            names();
            List<Kind> kinds = new ArrayList<>(List.of(Kind.values()));
            if (COREDNS_PATH == null) {
                kinds.remove(Kind.COREDNS);
            }
            for (Kind kind : kinds) {
                start(kind);
            }
            for (Kind kind : kinds) {
                awaitAnswer(kind);
            }
            ready = true;
        } finally {
            if (!ready) {
                close();
            }
        }
    }

    /** Those that run. */
    List<Kind> kinds() {
        return List.copyOf(running.keySet());
    }

    Path dir() {
        return dir;
    }

    /** A command that runs on the client's side. */
    List<String> atClient(String... command) {
        List<String> all = new ArrayList<>(List.of("nsenter", "--net=/run/netns/" + client()));
        all.addAll(List.of(command));
        return all;
    }

    String address() {
        return SERVER;
    }

    /** Name of the client's namespace. */
    String client() {
        return prefix + "c";
    }

    /** CPU seconds that a server has used since its start, of all its threads. */
    double cpuSeconds(Kind kind) {
        return Cpu.processSeconds(process(kind).toHandle());
    }

    private Process process(Kind kind) {
        return Objects.requireNonNull(running.get(kind));
    }

    private void cable() {
        for (String side : List.of("s", "c")) {
            Shell.run("ip netns add " + prefix + side);
            Shell.run("ip -n " + prefix + side + " link set lo up");
        }
        Shell.run("ip link add eth0 netns " + prefix + "s type veth peer name eth0 netns " + prefix + "c");
        Shell.run("ip -n " + prefix + "s addr add " + SERVER + "/24 dev eth0");
        Shell.run("ip -n " + prefix + "c addr add " + CLIENT + "/24 dev eth0");
        Shell.run("ip -n " + prefix + "s link set eth0 up");
        Shell.run("ip -n " + prefix + "c link set eth0 up");
    }

    static String name(int i) {
        return "n" + i + ".stack";
    }

    private static String addressOf(int i) {
        return "10." + (i >> 16) + "." + (i >> 8 & 0xff) + "." + (i & 0xff);
    }

    private interface Line {
        String of(int i);
    }

    private void write(String file, String head, int lines, Line line) throws IOException {
        try (BufferedWriter out = Files.newBufferedWriter(dir.resolve(file))) {
            out.write(head);
            for (int i = 0; i < lines; i++) {
                out.write(line.of(i));
                out.write('\n');
            }
        }
    }

    private void names() throws IOException {
        write("zone", zoneHead(ZONE, 5), NAMES, i -> name(i) + " A " + addressOf(i));
        write("foreign-zone", zoneHead(FOREIGN_ZONE, 86_400), FOREIGN_NAMES, i -> name(i) + " A " + addressOf(i));
        write(
                "local-data",
                "local-zone: \"" + ZONE + ".\" static\n",
                NAMES,
                i -> "local-data: \"" + name(i) + "." + ZONE + ". 5 A " + addressOf(i) + "\"");
        write("hosts", "", NAMES, i -> addressOf(i) + " " + name(i) + "." + ZONE);
        write(
                "node.yaml",
                """
                dns:
                  bind: %s:%d
                  zone: %s
                  forward: ["%s:%d"]
                  records:
                """.formatted(SERVER, Kind.DROVER.port(), ZONE, SERVER, Kind.KNOT.port()),
                NAMES,
                i -> "    " + name(i) + ": [" + addressOf(i) + "]");
    }

    private static String zoneHead(String zone, int ttlSeconds) {
        return """
                $ORIGIN %s.
                $TTL %d
                @ SOA ns.dns hostmaster 1 3600 600 86400 1
                @ NS ns.dns
                ns.dns A %s
                """.formatted(zone, ttlSeconds, SERVER);
    }

    private void start(Kind kind) throws IOException {
        List<String> command = switch (kind) {
            case DROVER -> drover();
            case KNOT -> {
                file("knot.conf", """
                        server:
                          listen: %s@%d
                          udp-workers: 1
                          tcp-workers: 1
                          background-workers: 1
                          rundir: %s
                        database:
                          storage: %s/knot
                        log:
                          - target: stderr
                            any: warning
                        zone:
                          - domain: %s
                            storage: %s
                            file: zone
                          - domain: %s
                            storage: %s
                            file: foreign-zone
                        """.formatted(SERVER, kind.port(), dir, dir, ZONE, dir, FOREIGN_ZONE, dir));
                yield List.of("knotd", "-c", dir + "/knot.conf");
            }
            case NSD -> {
                file("nsd.conf", """
                        server:
                          ip-address: %s@%d
                          server-count: 1
                          username: ""
                          chroot: ""
                          zonesdir: "%3$s"
                          database: ""
                          pidfile: "%3$s/nsd.pid"
                          xfrdfile: "%3$s/xfrd.state"
                          zonelistfile: "%3$s/zone.list"
                          rrl-ratelimit: 0
                          rrl-whitelist-ratelimit: 0
                        remote-control:
                          control-enable: no
                        zone:
                          name: %4$s
                          zonefile: zone
                        """.formatted(SERVER, kind.port(), dir, ZONE));
                yield List.of("nsd", "-d", "-c", dir + "/nsd.conf");
            }
            case UNBOUND -> {
                file("unbound.conf", """
                        server:
                          interface: %s@%d
                          num-threads: 1
                          access-control: 192.0.2.0/24 allow
                          do-daemonize: no
                          chroot: ""
                          username: ""
                          directory: "%3$s"
                          pidfile: "%3$s/unbound.pid"
                          use-syslog: no
                          module-config: "iterator"
                          include: "%3$s/local-data"
                        remote-control:
                          control-enable: no
                        forward-zone:
                          name: "."
                          forward-addr: %1$s@%4$d
                        """.formatted(SERVER, kind.port(), dir, Kind.KNOT.port()));
                yield List.of("unbound", "-d", "-c", dir + "/unbound.conf");
            }
            case DNSMASQ ->
                List.of(
                        "dnsmasq",
                        "--keep-in-foreground",
                        "--conf-file=/dev/null",
                        "--user=root",
                        "--pid-file=" + dir + "/dnsmasq.pid",
                        "--port=" + kind.port(),
                        "--listen-address=" + SERVER,
                        "--bind-interfaces",
                        "--no-resolv",
                        "--no-hosts",
                        "--addn-hosts=" + dir + "/hosts",
                        "--local=/" + ZONE + "/",
                        "--server=" + SERVER + "#" + Kind.KNOT.port(),
                        "--cache-size=10000",
                        "--dns-forward-max=10000",
                        "--local-ttl=5");
            case COREDNS -> {
                file("Corefile", """
                        %1$s:%2$d {
                          bind %3$s
                          file %4$s/zone
                        }
                        .:%2$d {
                          bind %3$s
                          cache 86400
                          forward . %3$s:%5$d
                        }
                        """.formatted(ZONE, kind.port(), SERVER, dir, Kind.KNOT.port()));
                yield List.of(Objects.requireNonNull(COREDNS_PATH), "-conf", dir + "/Corefile");
            }
        };
        List<String> all = new ArrayList<>(List.of("nsenter", "--net=/run/netns/" + prefix + "s"));
        all.addAll(command);
        ProcessBuilder builder = new ProcessBuilder(all)
                .redirectErrorStream(true)
                .redirectOutput(log(kind).toFile());
        // one event loop, as the others have one thread
        builder.environment().put("DROVER_JAVA_OPTS", "-XX:ActiveProcessorCount=1");
        builder.environment().put("GOMAXPROCS", "1");
        running.put(kind, builder.start());
    }

    private List<String> drover() {
        String launcher = System.getenv("DROVER_LAUNCHER");
        if (launcher == null) {
            throw new IllegalStateException(
                    "DROVER_LAUNCHER: not set (expected: the launcher; start by ./drover bench)");
        }
        return List.of(launcher, "node", "--config", dir + "/node.yaml");
    }

    private void file(String name, String text) throws IOException {
        Files.createDirectories(dir.resolve("knot"));
        Files.writeString(dir.resolve(name), text);
    }

    private Path log(Kind kind) {
        return dir.resolve(kind.label() + ".log");
    }

    private void awaitAnswer(Kind kind) throws IOException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(READY_S);
        String last = name(NAMES - 1) + "." + ZONE;
        while (true) {
            String answer = "";
            try {
                answer = Shell.run(atClient(
                        "dig", "+short", "+tries=1", "+time=1", "@" + SERVER, "-p", "" + kind.port(), last, "A"));
            } catch (IllegalStateException e) {
                answer = String.valueOf(e.getMessage());
            }
            if (answer.strip().equals(addressOf(NAMES - 1))) {
                return;
            }
            if (System.nanoTime() > deadline || !process(kind).isAlive()) {
                throw new IllegalStateException(kind.label() + ": no right answer within " + READY_S + " s, but "
                        + answer.strip() + "; its log says:\n" + Files.readString(log(kind)));
            }
            OverlayTopology.pause();
        }
    }

    @Override
    public void close() {
        Cleanup.processes(running.values());
        Cleanup.namespaces(List.of(prefix + "s", prefix + "c"));
        Cleanup.directory(dir);
    }
}
