package dev.drover.perf;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Three namespaces in a row: client (192.0.2.1), proxy (192.0.2.2 and 198.51.100.1), origin (198.51.100.2), joined by veth
 * pairs of MTU 1500. The origin is nginx on two ports, the two targets of every proxy. All of it ends with this object.
 */
final class LbTopology implements AutoCloseable {
    static final String PROXY_ADDRESS = "192.0.2.2";
    static final String ORIGIN_ADDRESS = "198.51.100.2";
    static final List<Integer> ORIGIN_PORTS = List.of(9001, 9002);
    private static final int LARGE_BYTES = 16 * 1024;
    private static final int DOWNLOAD_BYTES = 64 * 1024 * 1024;

    private final String prefix = "dvl" + ProcessHandle.current().pid() % 10_000;
    private final List<String> namespaces = new ArrayList<>();
    private final List<Daemon> daemons = new ArrayList<>();
    private final Path dir;
    private final int cores;
    private boolean closed;

    LbTopology(int cores) throws IOException {
        this.cores = cores;
        dir = Files.createTempDirectory("drover-bench-lb");
        Runtime.getRuntime().addShutdownHook(new Thread(this::close));
        boolean ready = false;
        try {
            cables();
            certificate();
            origin();
            ready = true;
        } finally {
            if (!ready) {
                close();
            }
        }
    }

    String client() {
        return prefix + "c";
    }

    String proxy() {
        return prefix + "p";
    }

    Path dir() {
        return dir;
    }

    int cores() {
        return cores;
    }

    private void cables() {
        for (String namespace : List.of(client(), proxy(), prefix + "o")) {
            Shell.run("ip netns add " + namespace);
            namespaces.add(namespace);
            Shell.run("ip -n " + namespace + " link set lo up");
            // As many connections as the case with a connection for each request may leave in TIME_WAIT.
            sysctl(namespace, "net.ipv4.ip_local_port_range=1024 65535");
            sysctl(namespace, "net.ipv4.tcp_tw_reuse=1");
            sysctl(namespace, "net.core.somaxconn=4096");
        }
        cable(client(), "192.0.2.1", proxy(), PROXY_ADDRESS, "front");
        cable(proxy(), "198.51.100.1", prefix + "o", ORIGIN_ADDRESS, "back");
    }

    private static void sysctl(String namespace, String setting) {
        Shell.run(List.of("ip", "netns", "exec", namespace, "sysctl", "-q", "-w", setting));
    }

    private static void cable(String left, String leftAddress, String right, String rightAddress, String device) {
        Shell.run("ip link add " + device + " netns " + left + " type veth peer name " + device + " netns " + right);
        Shell.run("ip -n " + left + " addr add " + leftAddress + "/24 dev " + device);
        Shell.run("ip -n " + right + " addr add " + rightAddress + "/24 dev " + device);
        Shell.run("ip -n " + left + " link set " + device + " up");
        Shell.run("ip -n " + right + " link set " + device + " up");
    }

    /** One for all, P-256: {@code cert.pem}, {@code key.pem}, and both in {@code both.pem}. */
    private void certificate() throws IOException {
        Path certificate = dir.resolve("cert.pem");
        Path key = dir.resolve("key.pem");
        Shell.run(
                "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench -keyout "
                        + key + " -out " + certificate);
        Files.writeString(dir.resolve("both.pem"), Files.readString(certificate) + Files.readString(key));
    }

    private void origin() throws IOException {
        Path files = Files.createDirectory(dir.resolve("files"));
        Files.write(files.resolve("large"), new byte[LARGE_BYTES]);
        Files.write(files.resolve("download"), new byte[DOWNLOAD_BYTES]);
        String config = nginxMain("origin")
                + """
                http {
                  access_log off;
                  sendfile on;
                  tcp_nopush on;
                  open_file_cache max=10;
                  keepalive_requests 1000000000;
                  keepalive_timeout 300s;
                  server {
                    listen %1$s:%2$d reuseport backlog=4096;
                    listen %1$s:%3$d reuseport backlog=4096;
                    root %4$s;
                    location = /small { return 200 "%5$s"; }
                  }
                }
                """.formatted(ORIGIN_ADDRESS, ORIGIN_PORTS.get(0), ORIGIN_PORTS.get(1), files, "x".repeat(100));
        Path file = Files.writeString(dir.resolve("origin.conf"), config);
        daemon("origin", prefix + "o", ORIGIN_PORTS, List.of("nginx", "-c", file.toString()));
    }

    /** What every nginx configuration here begins with. */
    String nginxMain(String name) {
        return """
                load_module /usr/lib/nginx/modules/ngx_stream_module.so;
                user root;
                daemon off;
                worker_processes %1$d;
                worker_rlimit_nofile 20000;
                pid %2$s/%3$s.pid;
                error_log stderr;
                events { worker_connections 16384; }
                """.formatted(cores, dir, name);
    }

    /** Starts a server that ends with this object, at the latest. */
    Daemon daemon(String name, String namespace, List<Integer> ports, List<String> command) throws IOException {
        Daemon daemon = Daemon.start(name, namespace, dir.resolve(name + ".log"), ports, command);
        synchronized (this) {
            daemons.add(daemon);
        }
        return daemon;
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        daemons.forEach(Daemon::close);
        Cleanup.namespaces(namespaces);
        Cleanup.directory(dir);
    }
}
