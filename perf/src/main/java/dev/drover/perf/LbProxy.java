package dev.drover.perf;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * One running load balancer of the comparison, with a port each for HTTP, for HTTP/1.1 and 2 over TLS, and for TCP. All have a thread or a worker a core, take the
 * targets in turn, set the same X-Forwarded fields, keep up to {@link #KEPT} idle connections to the targets, and log no
 * requests.
 */
final class LbProxy implements AutoCloseable {
    /** Idle connections to each target and of each core, as Drover keeps by default. */
    private static final int KEPT = 512;

    /** Who is compared. */
    enum Kind {
        DROVER("drover", 8081, 8091, 8101),
        HAPROXY("haproxy", 8082, 8092, 8102),
        NGINX("nginx", 8083, 8093, 8103);

        private final String label;
        private final int httpPort;
        private final int tcpPort;
        private final int tlsPort;

        Kind(String label, int httpPort, int tcpPort, int tlsPort) {
            this.label = label;
            this.httpPort = httpPort;
            this.tcpPort = tcpPort;
            this.tlsPort = tlsPort;
        }

        String label() {
            return label;
        }
    }

    private final Kind kind;
    private final Daemon daemon;

    private LbProxy(Kind kind, Daemon daemon) {
        this.kind = kind;
        this.daemon = daemon;
    }

    static LbProxy start(Kind kind, LbTopology topology) throws IOException {
        Path config = topology.dir().resolve(kind.label + (kind == Kind.DROVER ? ".yaml" : ".cfg"));
        List<String> command = switch (kind) {
            case DROVER -> {
                Files.writeString(config, drover(topology.dir()));
                yield List.of(launcher(), "node", "--config", config.toString());
            }
            case HAPROXY -> {
                Files.writeString(config, haproxy(topology.cores(), topology.dir()));
                yield List.of("haproxy", "-db", "-f", config.toString());
            }
            case NGINX -> {
                Files.writeString(config, topology.nginxMain("nginx") + nginx(topology.dir()));
                yield List.of("nginx", "-c", config.toString());
            }
        };
        return new LbProxy(
                kind,
                topology.daemon(
                        kind.label, topology.proxy(), List.of(kind.httpPort, kind.tcpPort, kind.tlsPort), command));
    }

    private static String launcher() {
        String launcher = System.getenv("DROVER_LAUNCHER");
        if (launcher == null) {
            throw new IllegalStateException(
                    "DROVER_LAUNCHER: not set (expected: the launcher; start by ./drover bench)");
        }
        return launcher;
    }

    private static String drover(Path dir) {
        return """
                lb:
                  listeners:
                    - name: web
                      bind: %1$s:%2$d
                      protocol: http
                      targets: [ "%4$s:%5$d", "%4$s:%6$d" ]
                    - name: stream
                      bind: %1$s:%3$d
                      protocol: tcp
                      targets: [ "%4$s:%5$d", "%4$s:%6$d" ]
                    - name: secure
                      bind: %1$s:%7$d
                      protocol: http
                      tls: { certificates: [ { certificate: %8$s/cert.pem, key: %8$s/key.pem } ] }
                      targets: [ "%4$s:%5$d", "%4$s:%6$d" ]
                """.formatted(values(Kind.DROVER, Kind.DROVER.tlsPort, dir));
    }

    private static String haproxy(int cores, Path dir) {
        return """
                global
                  nbthread %7$d
                  maxconn 12000
                  ulimit-n 20000
                  no strict-limits
                defaults
                  timeout connect 5s
                  timeout client 75s
                  timeout server 60s
                frontend web
                  mode http
                  bind %1$s:%2$d
                  bind %1$s:%9$d ssl crt %10$s/both.pem alpn h2,http/1.1
                  option forwardfor
                  http-request set-header X-Forwarded-Proto %%[ssl_fc,iif(https,http)]
                  http-request set-header X-Forwarded-Host %%[req.hdr(Host)]
                  http-request set-header X-Forwarded-Port %%[dst_port]
                  default_backend origin
                backend origin
                  mode http
                  balance roundrobin
                  http-reuse always
                  server one %4$s:%5$d pool-max-conn %8$d
                  server two %4$s:%6$d pool-max-conn %8$d
                listen stream
                  mode tcp
                  option splice-auto
                  bind %1$s:%3$d
                  balance roundrobin
                  server one %4$s:%5$d
                  server two %4$s:%6$d
                """.formatted(values(Kind.HAPROXY, cores, KEPT * cores, Kind.HAPROXY.tlsPort, dir));
    }

    private static String nginx(Path dir) {
        return """
                http {
                  access_log off;
                  keepalive_requests 1000000000;
                  upstream origin {
                    server %4$s:%5$d;
                    server %4$s:%6$d;
                    keepalive %7$d;
                    keepalive_requests 1000000000;
                  }
                  server {
                    listen %1$s:%2$d reuseport backlog=4096;
                    listen %1$s:%8$d ssl http2 reuseport backlog=4096;
                    ssl_certificate %9$s/cert.pem;
                    ssl_certificate_key %9$s/key.pem;
                    location / {
                      proxy_pass http://origin;
                      proxy_http_version 1.1;
                      proxy_set_header Connection "";
                      proxy_set_header Host $http_host;
                      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                      proxy_set_header X-Forwarded-Proto $scheme;
                      proxy_set_header X-Forwarded-Host $http_host;
                      proxy_set_header X-Forwarded-Port $server_port;
                    }
                  }
                }
                stream {
                  upstream origin {
                    server %4$s:%5$d;
                    server %4$s:%6$d;
                  }
                  server {
                    listen %1$s:%3$d reuseport backlog=4096;
                    proxy_pass origin;
                  }
                }
                """.formatted(values(Kind.NGINX, KEPT * LbTopology.ORIGIN_PORTS.size(), Kind.NGINX.tlsPort, dir));
    }

    private static Object[] values(Kind kind, Object... more) {
        Object[] all = new Object[6 + more.length];
        all[0] = LbTopology.PROXY_ADDRESS;
        all[1] = kind.httpPort;
        all[2] = kind.tcpPort;
        all[3] = LbTopology.ORIGIN_ADDRESS;
        all[4] = LbTopology.ORIGIN_PORTS.get(0);
        all[5] = LbTopology.ORIGIN_PORTS.get(1);
        System.arraycopy(more, 0, all, 6, more.length);
        return all;
    }

    /** First line of what the program says of its version. */
    static String version(Kind kind) {
        return switch (kind) {
            case DROVER -> throw new IllegalArgumentException("drover: (expected: a peer)");
            case HAPROXY -> Shell.run("haproxy -v").lines().findFirst().orElse("");
            case NGINX -> Shell.run("nginx -v").lines().findFirst().orElse("");
        };
    }

    Kind kind() {
        return kind;
    }

    int httpPort() {
        return kind.httpPort;
    }

    String http(String path) {
        return "http://" + LbTopology.PROXY_ADDRESS + ":" + kind.httpPort + path;
    }

    String https(String path) {
        return "https://" + LbTopology.PROXY_ADDRESS + ":" + kind.tlsPort + path;
    }

    String tcp(String path) {
        return "http://" + LbTopology.PROXY_ADDRESS + ":" + kind.tcpPort + path;
    }

    double cpuSeconds() {
        return daemon.cpuSeconds();
    }

    double residentMegabytes() {
        return daemon.residentMegabytes();
    }

    @Override
    public void close() {
        daemon.close();
    }
}
