package dev.drover.controlplane.api;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.List;

/** Under which address other machines reach this one. */
final class Addresses {
    private Addresses() {}

    /** The address itself, or for a wildcard the first IPv4 address of an interface that is up. */
    static String reachable(InetAddress bound) {
        if (!bound.isAnyLocalAddress()) {
            String text = bound.getHostAddress();
            return bound instanceof Inet4Address ? text : "[" + text + "]";
        }
        try {
            return NetworkInterface.networkInterfaces()
                    .filter(Addresses::usable)
                    .flatMap(NetworkInterface::inetAddresses)
                    .filter(address -> address instanceof Inet4Address && !address.isLinkLocalAddress())
                    .map(InetAddress::getHostAddress)
                    .findFirst()
                    .orElse("127.0.0.1");
        } catch (SocketException e) {
            return "127.0.0.1"; // without interfaces there is nothing better
        }
    }

    private static boolean usable(NetworkInterface network) {
        try {
            return network.isUp()
                    && !network.isLoopback()
                    && List.of("docker", "br-", "drv", "drover", "veth").stream()
                            .noneMatch(prefix -> network.getName().startsWith(prefix));
        } catch (SocketException e) {
            return false; // gone meanwhile
        }
    }
}
