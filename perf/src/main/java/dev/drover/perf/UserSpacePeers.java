package dev.drover.perf;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Overlays of other makers whose packets pass user space too, between the same two hosts: Debian's wireguard-go, tinc,
 * nebula and Open vSwitch, as their manuals set them up. Their traffic begins and ends on the hosts themselves, a bridge
 * and a veth less than Drover's. One object is one running pair.
 */
final class UserSpacePeers implements AutoCloseable {
    private static final long READY_S = 20;
    private static final int KEY_BITS = 2048;
    private static final int OVS_MTU = 1450;

    /** Who is compared. */
    enum Kind {
        /** ChaCha20-Poly1305 as always. */
        WIREGUARD_GO("wireguard-go", 44),
        /** Switch mode, without cipher and digest, as Drover's own traffic. */
        TINC("tinc", 45),
        /** AES-256-GCM as always. */
        NEBULA("nebula", 46),
        /** VXLAN of the datapath in user space, over a cable of its own, for it takes the interface away from the host. */
        OPEN_VSWITCH("Open vSwitch netdev", 47);

        private final String label;
        private final int net;

        Kind(String label, int net) {
            this.label = label;
            this.net = net;
        }

        String label() {
            return label;
        }

        /** Whether what it carries is encrypted, always. */
        boolean encrypts() {
            return this == WIREGUARD_GO || this == NEBULA;
        }
    }

    private final Kind kind;
    private final List<String> hosts;
    private final Path dir;
    private final List<Process> daemons = new ArrayList<>();

    private UserSpacePeers(Kind kind, List<String> hosts, Path dir) {
        this.kind = kind;
        this.hosts = hosts;
        this.dir = dir;
    }

    /** @param hosts namespaces of the two hosts, which have 192.0.2.1 and 192.0.2.2 */
    static UserSpacePeers start(Kind kind, List<String> hosts) throws IOException {
        Path dir = Files.createTempDirectory("drover-bench-" + kind.name());
        UserSpacePeers peers = new UserSpacePeers(kind, hosts, dir);
        try {
            switch (kind) {
                case WIREGUARD_GO -> peers.wireguard();
                case TINC -> peers.tinc();
                case NEBULA -> peers.nebula();
                case OPEN_VSWITCH -> peers.openVswitch();
            }
            peers.awaitPath();
            return peers;
        } catch (IOException | RuntimeException e) {
            peers.close();
            throw e;
        }
    }

    OverlayPair pair() throws IOException {
        return new OverlayPair(kind.label, hosts.get(0), hosts.get(1), InetAddress.getByName(address(2)));
    }

    private String address(int host) {
        return "10." + kind.net + "." + host + ".1";
    }

    private String device(int host) {
        return "db" + kind.net + "p" + host + "-" + ProcessHandle.current().pid() % 100_000;
    }

    private String inside(int host, String command) {
        return Shell.run("ip netns exec " + hosts.get(host - 1) + " " + command);
    }

    private void wireguard() throws IOException {
        List<String> publicKeys = new ArrayList<>();
        for (int host = 1; host <= 2; host++) {
            Path key = dir.resolve("key" + host);
            Files.createFile(key, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(key, Shell.run("wg genkey"));
            publicKeys.add(Shell.run(List.of("sh", "-c", "wg pubkey < " + key)).strip());
        }
        for (int host = 1; host <= 2; host++) {
            int other = 3 - host;
            daemon(host, "wireguard-go", "--foreground", device(host));
            awaitDevice(host);
            inside(
                    host,
                    "wg set " + device(host) + " private-key " + dir.resolve("key" + host)
                            + " listen-port 51820 peer " + publicKeys.get(other - 1) + " allowed-ips "
                            + address(other) + "/32 endpoint 192.0.2." + other + ":51820");
            up(host);
        }
    }

    private void tinc() throws IOException {
        for (int host = 1; host <= 2; host++) {
            Path net = dir.resolve("net" + host);
            Files.createDirectories(net.resolve("hosts"));
            Files.writeString(
                    net.resolve("tinc.conf"), """
                    Name = h%d
                    Mode = switch
                    DeviceType = tap
                    Interface = %s
                    AddressFamily = ipv4
                    %s
                    """.formatted(host, device(host), host == 1 ? "ConnectTo = h2" : ""));
            Files.writeString(net.resolve("hosts/h" + host), """
                    Address = 192.0.2.%d
                    Cipher = none
                    Digest = none
                    Compression = 0
                    """.formatted(host));
            Shell.run("tincd -c " + net + " -K" + KEY_BITS);
        }
        Files.copy(dir.resolve("net1/hosts/h1"), dir.resolve("net2/hosts/h1"));
        Files.copy(dir.resolve("net2/hosts/h2"), dir.resolve("net1/hosts/h2"));
        for (int host = 1; host <= 2; host++) {
            daemon(host, "tincd", "-c", dir.resolve("net" + host).toString(), "-D", "--pidfile=" + dir + "/pid" + host);
            awaitDevice(host);
            up(host);
        }
    }

    private void nebula() throws IOException {
        Shell.run("nebula-cert ca -name bench -out-crt " + dir + "/ca.crt -out-key " + dir + "/ca.key");
        for (int host = 1; host <= 2; host++) {
            Shell.run("nebula-cert sign -ca-crt " + dir + "/ca.crt -ca-key " + dir + "/ca.key -name h" + host + " -ip "
                    + address(host) + "/16 -out-crt " + dir + "/h" + host + ".crt -out-key " + dir + "/h" + host
                    + ".key");
            Path config = dir.resolve("h" + host + ".yml");
            Files.writeString(config, """
                    pki: { ca: %1$s/ca.crt, cert: %1$s/h%2$d.crt, key: %1$s/h%2$d.key }
                    static_host_map: { "%3$s": [ "192.0.2.%4$d:4242" ] }
                    lighthouse: { am_lighthouse: false }
                    listen: { host: 0.0.0.0, port: 4242 }
                    tun: { dev: %5$s, mtu: 1400 }
                    cipher: aes
                    firewall:
                      outbound: [ { port: any, proto: any, host: any } ]
                      inbound: [ { port: any, proto: any, host: any } ]
                    """.formatted(dir, host, address(3 - host), 3 - host, device(host)));
            daemon(host, "nebula", "-config", config.toString());
            awaitDevice(host);
        }
    }

    private void openVswitch() throws IOException {
        Shell.run("ip link add ovs0 netns " + hosts.get(0) + " type veth peer name ovs0 netns " + hosts.get(1));
        for (int host = 1; host <= 2; host++) {
            Path own = Files.createDirectory(dir.resolve("ovs" + host));
            Path socket = own.resolve("db.sock");
            Shell.run("ovsdb-tool create " + own + "/conf.db /usr/share/openvswitch/vswitch.ovsschema");
            daemon(host, "ovsdb-server", own + "/conf.db", "--remote=punix:" + socket, "--unixctl=" + own + "/db.ctl");
            await(host, "no socket " + socket, () -> Files.exists(socket));
            String control = "ovs-vsctl --timeout=20 --db=unix:" + socket + " ";
            Shell.run(control + "--no-wait init");
            daemon(host, "ovs-vswitchd", "unix:" + socket, "--unixctl=" + own + "/switch.ctl");
            String bridge = " -- set bridge %1$s datapath_type=netdev";
            Shell.run(control + "add-br under" + bridge.formatted("under") + " -- add-port under ovs0");
            Shell.run(control + "add-br " + device(host) + bridge.formatted(device(host)) + " -- add-port "
                    + device(host) + " tunnel -- set interface tunnel type=vxlan options:key=" + kind.net
                    + " options:remote_ip=198.51.100." + (3 - host));
            inside(host, "ip link set ovs0 up");
            inside(host, "ip addr add 198.51.100." + host + "/24 dev under");
            inside(host, "ip link set under up");
            inside(host, "ip link set " + device(host) + " mtu " + OVS_MTU);
            up(host);
        }
    }

    private void daemon(int host, String... command) throws IOException {
        List<String> all = new ArrayList<>(List.of("nsenter", "--net=/run/netns/" + hosts.get(host - 1)));
        all.addAll(List.of(command));
        daemons.add(new ProcessBuilder(all)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        dir.resolve("log" + host).toFile()))
                .start());
    }

    private void up(int host) {
        inside(host, "ip addr add " + address(host) + "/16 dev " + device(host));
        inside(host, "ip link set " + device(host) + " up");
    }

    private void awaitDevice(int host) throws IOException {
        await(
                host,
                "no interface " + device(host),
                () -> inside(host, "ip -o link").contains(device(host)));
    }

    private void awaitPath() throws IOException {
        await(1, "no answer from " + address(2), () -> {
            try {
                inside(1, "ping -c 1 -W 1 " + address(2));
                return true;
            } catch (IllegalStateException e) {
                return false;
            }
        });
    }

    private void await(int host, String problem, BooleanSupplier done) throws IOException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(READY_S);
        while (!done.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException(kind.label + ": " + problem + " within " + READY_S
                        + " s; its log says:\n" + Files.readString(dir.resolve("log" + host)));
            }
            OverlayTopology.pause();
        }
    }

    @Override
    public void close() {
        Cleanup.processes(daemons);
        Cleanup.directory(dir);
    }
}
