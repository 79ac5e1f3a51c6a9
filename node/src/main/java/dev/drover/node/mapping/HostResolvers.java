package dev.drover.node.mapping;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The resolvers the host itself uses: where the node forwards what it does not know. */
public final class HostResolvers {
    private static final Path RESOLV_CONF = Path.of("/etc/resolv.conf");
    /** The real upstreams when {@code /etc/resolv.conf} names only the stub of systemd-resolved on 127.0.0.53. */
    private static final Path SYSTEMD = Path.of("/run/systemd/resolve/resolv.conf");

    private static final int DNS_PORT = 53;

    private HostResolvers() {}

    /** Read at call; empty when the host has none that can be used from the node. */
    public static List<InetSocketAddress> read() {
        List<InetSocketAddress> found = parse(text(RESOLV_CONF));
        return found.isEmpty() ? parse(text(SYSTEMD)) : found;
    }

    /** Nameservers of a resolv.conf in order, without our own resolver (a loop) and without loopback stubs. */
    static List<InetSocketAddress> parse(String resolvConf) {
        List<InetSocketAddress> servers = new ArrayList<>();
        for (String line : resolvConf.lines().toList()) {
            InetAddress address = nameserver(line);
            if (address != null && !address.equals(Tables.RESOLVER) && !address.isLoopbackAddress()) {
                servers.add(new InetSocketAddress(address, DNS_PORT));
            }
        }
        return servers;
    }

    /** Null for any other line, and for a nameserver that is no address: resolvers skip such lines too. */
    private static @Nullable InetAddress nameserver(String line) {
        String[] words = line.strip().split("\\s+");
        if (words.length < 2 || !words[0].equals("nameserver")) {
            return null;
        }
        try {
            return InetAddress.ofLiteral(words[1]);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    private static String text(Path path) {
        try {
            return Files.readString(path);
        } catch (IOException e) {
            return ""; // no such file: no resolvers
        }
    }
}
