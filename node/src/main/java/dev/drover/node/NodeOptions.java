package dev.drover.node;

import dev.drover.node.cli.CliException;
import dev.drover.node.mapping.Tables;
import dev.drover.overlay.Mode;
import dev.drover.overlay.OverlayConfig;
import io.netty.util.NetUtil;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options of a joined node, shared by {@code node} and {@code standalone}. */
final class NodeOptions {
    private static final int MAX_SYNC_SECONDS = 3_600;

    @Option(
            names = "--name",
            paramLabel = "NAME",
            description = "Name of this host in its environment; default: the host name.")
    @Nullable
    String name;

    @Option(
            names = "--vtep",
            paramLabel = "ADDRESS",
            description = "Underlay address of this host, IPv4 or IPv6; default: the one it reaches the server from.")
    @Nullable
    String vtep;

    @Option(
            names = "--overlay-mode",
            paramLabel = "MODE",
            defaultValue = "auto",
            description =
                    "How packets leave this host: auto for the best that a self-test finds working, or super, gso or"
                            + " plain; default: ${DEFAULT-VALUE}.")
    String overlayMode = "";

    @Option(names = "--label", paramLabel = "NAME=VALUE", description = "Label of this host; may be given again.")
    Map<String, String> labels = new LinkedHashMap<>();

    @Option(
            names = "--docker",
            paramLabel = "URI",
            defaultValue = "unix:///var/run/docker.sock",
            description = "Socket of the Docker engine; default: ${DEFAULT-VALUE}.")
    String docker = "";

    @Option(
            names = "--sync-interval",
            paramLabel = "SECONDS",
            defaultValue = "15",
            description = "Time between full lists of containers, 1 to 3600; default: ${DEFAULT-VALUE}.")
    int syncSeconds;

    @Option(
            names = "--admin",
            paramLabel = "ADDRESS:PORT",
            defaultValue = "127.0.0.1:9901",
            description = "Metrics, health and table dumps; off for none; default: ${DEFAULT-VALUE}.")
    String admin = "";

    Duration syncInterval() {
        if (syncSeconds < 1 || syncSeconds > MAX_SYNC_SECONDS) {
            throw new CliException("sync-interval: " + syncSeconds + " (expected: 1 to " + MAX_SYNC_SECONDS + ")");
        }
        return Duration.ofSeconds(syncSeconds);
    }

    String socket() {
        String socket = docker.startsWith("/") ? "unix://" + docker : docker;
        if (!socket.startsWith("unix:///")) {
            throw new CliException("docker: " + docker + " (expected: unix:///PATH, an engine on this host)");
        }
        return socket;
    }

    /** The underlay address that was asked for, in the one spelling it has; null for none. */
    @Nullable
    String checkedVtep() {
        if (vtep == null) {
            return null;
        }
        try {
            return NetUtil.toAddressString(OverlayConfig.parseVtep(vtep));
        } catch (IllegalArgumentException e) {
            throw new CliException("vtep: " + vtep + " (expected: an IPv4 or IPv6 address of this host)", e);
        }
    }

    Mode checkedMode() {
        try {
            return Mode.parse(overlayMode);
        } catch (IllegalArgumentException e) {
            throw new CliException("overlay-" + e.getMessage(), e);
        }
    }

    @Nullable
    InetSocketAddress adminAddress() {
        if (admin.equals("off")) {
            return null;
        }
        try {
            return Tables.socketAddress(admin);
        } catch (IllegalArgumentException e) {
            throw new CliException("admin: " + admin + " (expected: ADDRESS:PORT, or off)", e);
        }
    }

    static Path directory(Path path) {
        return path.toAbsolutePath().normalize();
    }
}
