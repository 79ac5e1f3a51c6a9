package dev.drover.node.config;

import dev.drover.dataplane.Cidr;
import dev.drover.node.mapping.Tables;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Values that several sections of the node file have: addresses and networks, each refused with key and line. */
final class YamlValues {
    private YamlValues() {}

    static InetSocketAddress socketAddress(YamlNode node, int leastPort) {
        try {
            InetSocketAddress address = Tables.socketAddress(node.text());
            if (address.getPort() < leastPort) {
                throw node.error(node.text() + " (expected: a port from " + leastPort + " to 65535)");
            }
            return address;
        } catch (IllegalArgumentException e) {
            throw node.error(e);
        }
    }

    static InetAddress address(YamlNode node) {
        String text = node.text();
        try {
            return InetAddress.ofLiteral(text);
        } catch (IllegalArgumentException e) {
            ConfigException error = node.error(text + " (expected: an IP address)");
            error.initCause(e);
            throw error;
        }
    }

    static Cidr cidr(YamlNode node) {
        try {
            return Cidr.parse(node.text());
        } catch (IllegalArgumentException e) {
            throw node.error(e);
        }
    }

    /** Whether {@code name}, without final dot, is a domain name of letters, digits, '-' and '_'. */
    static boolean isDomain(String name) {
        return name.length() <= 253 && name.matches("[A-Za-z0-9_-]{1,63}(\\.[A-Za-z0-9_-]{1,63})*");
    }

    static boolean flag(YamlNode node) {
        return switch (node.text()) {
            case "true" -> true;
            case "false" -> false;
            default -> throw node.error(node.text() + " (expected: true or false)");
        };
    }

    /** The number at {@code key}, or {@code standard} when the key is absent. */
    static int integer(Map<String, YamlNode> keys, String key, int least, int most, int standard) {
        YamlNode node = keys.get(key);
        return node == null ? standard : node.integer(least, most);
    }

    static @Nullable YamlNode present(@Nullable YamlNode node) {
        return node == null || node.isNull() ? null : node;
    }
}
