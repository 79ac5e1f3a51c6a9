package dev.drover.lb;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** Addresses as people write them. */
final class Addresses {
    private Addresses() {}

    /** {@code 192.0.2.1:80} or {@code [2001:db8::1]:80}. */
    static String text(InetSocketAddress address) {
        InetAddress ip = address.getAddress();
        String host = ip.getHostAddress();
        return (ip instanceof Inet6Address ? "[" + host + "]" : host) + ":" + address.getPort();
    }
}
