package dev.drover.node;

import dev.drover.controlplane.link.Join;
import dev.drover.node.cli.CliException;
import dev.drover.node.link.JoinToken;
import dev.drover.node.link.Joiner;
import dev.drover.node.state.Identity;
import dev.drover.node.state.StateDir;
import io.netty.util.NetUtil;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.Collections;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How a host becomes and stays a member of an environment: the identity on disk, or one given by joining. */
final class Membership {
    private static final Logger LOG = LoggerFactory.getLogger(Membership.class);

    private Membership() {}

    /**
     * What the operator asked for.
     *
     * @param server null to use the one on disk
     * @param token null to use the identity on disk
     * @param name null for the name of the host
     * @param vtep null for the address towards the server
     */
    record Wish(
            @Nullable URI server,
            @Nullable String token,
            @Nullable String name,
            @Nullable String vtep,
            Map<String, String> labels) {}

    /**
     * The identity on disk if there is one, else the result of joining, which is on disk then.
     *
     * @param beforeJoin checks that must hold before the host joins
     */
    static Identity of(StateDir stateDir, Wish wish, Runnable beforeJoin) throws InterruptedException {
        Identity held = stateDir.identity();
        if (held != null) {
            return held(stateDir, held, wish);
        }
        if (wish.server() == null || wish.token() == null) {
            throw new CliException(
                    "not joined yet (expected: --server https://HOST:PORT and --token, as printed by drover token create)");
        }
        JoinToken token = token(wish.token());
        beforeJoin.run();
        String vtep = wish.vtep() == null ? vtepTowards(wish.server()) : wish.vtep();
        String name = wish.name() == null ? hostName() : wish.name();
        String machineId = stateDir.machineId();
        Join.Response joined =
                Joiner.join(wish.server(), token, new Join.Request(token.text(), name, machineId, vtep, wish.labels()));
        Identity identity = new Identity(
                wish.server().toString(),
                token.pin(),
                joined.hostKey(),
                machineId,
                vtep,
                wish.labels(),
                joined.identity());
        stateDir.identity(identity);
        LOG.info(
                "joined server={} environment={} host={} block={} vtep={}",
                identity.server(),
                identity.host().environmentName(),
                identity.host().hostName(),
                identity.host().block(),
                vtep);
        return identity;
    }

    /** A token given again is no reason to join again, one of another server or environment is a mistake. */
    private static Identity held(StateDir stateDir, Identity held, Wish wish) {
        if (wish.token() != null) {
            JoinToken token = token(wish.token());
            if (!token.pin().equals(held.pin())
                    || !token.environmentId().equals(held.host().environmentId())) {
                throw new CliException("state-dir: " + stateDir.directory() + " belongs to host "
                        + held.host().hostName() + " of environment "
                        + held.host().environmentName() + " at "
                        + held.server() + " (expected: a token of that environment; to leave it, stop the node, remove"
                        + " the directory and start again)");
            }
        }
        String server = wish.server() == null ? held.server() : wish.server().toString();
        String vtep = wish.vtep() == null ? held.vtep() : wish.vtep();
        Map<String, String> labels = wish.labels().isEmpty() ? held.labels() : wish.labels();
        Identity now = new Identity(server, held.pin(), held.hostKey(), held.machineId(), vtep, labels, held.host());
        if (!now.equals(held)) {
            stateDir.identity(now);
        }
        return now;
    }

    private static JoinToken token(String text) {
        try {
            return JoinToken.parse(text);
        } catch (IllegalArgumentException e) {
            throw new CliException(String.valueOf(e.getMessage()), e);
        }
    }

    /** The address this host sends from towards the server; for a server on this host the first that is not loopback. */
    private static String vtepTowards(URI server) {
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.connect(new InetSocketAddress(InetAddress.getByName(server.getHost()), 9));
            InetAddress local = socket.getLocalAddress();
            if (local instanceof Inet4Address && !local.isLoopbackAddress() && !local.isAnyLocalAddress()) {
                return local.getHostAddress();
            }
            return firstAddress(local);
        } catch (IOException | RuntimeException e) {
            throw new CliException(
                    "server: " + server + ": " + e.getMessage()
                            + " (expected: a host this one has a route to, or --vtep)",
                    e);
        }
    }

    /** The first IPv4 address of this host, or else {@code otherwise} when it is one that other hosts can reach. */
    private static String firstAddress(InetAddress otherwise) throws SocketException {
        for (NetworkInterface link : Collections.list(NetworkInterface.getNetworkInterfaces())) {
            if (link.isLoopback() || !link.isUp() || link.getName().matches("(docker|br-|drv|drover|veth).*")) {
                continue;
            }
            for (InetAddress address : Collections.list(link.getInetAddresses())) {
                if (address instanceof Inet4Address) {
                    return address.getHostAddress();
                }
            }
        }
        if (!otherwise.isLoopbackAddress() && !otherwise.isAnyLocalAddress() && !otherwise.isLinkLocalAddress()) {
            return NetUtil.toAddressString(otherwise);
        }
        throw new CliException("vtep: this host has no address but loopback (expected: --vtep ADDRESS)");
    }

    private static String hostName() {
        try {
            String name = InetAddress.getLocalHost().getHostName();
            int dot = name.indexOf('.');
            return dot < 0 ? name : name.substring(0, dot);
        } catch (UnknownHostException e) {
            throw new CliException("name: this host does not know its own (expected: --name NAME)", e);
        }
    }
}
