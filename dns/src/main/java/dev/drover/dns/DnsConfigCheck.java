package dev.drover.dns;

import java.net.InetSocketAddress;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** Refuses a configuration that cannot be served; the message names the key, the value and what would do. */
final class DnsConfigCheck {
    private static final int MAX_TTL_SECONDS = 86_400;
    /** Leaves room for names below the zone. */
    private static final int MAX_ZONE_LENGTH = 200;

    private static final int MAX_NAME_LENGTH = 253;
    private static final Pattern NAME = Pattern.compile("[a-z0-9_-]{1,63}(\\.[a-z0-9_-]{1,63})*");
    private static final String NAME_EXPECTED =
            "labels of a-z, 0-9, - and _, 1 to 63 each, separated by dots, without final dot";

    private DnsConfigCheck() {}

    /** @throws IllegalArgumentException {@code key: value (expected: …)} */
    static void check(DnsConfig config) {
        checkAddresses("binds", config.binds());
        checkAddresses("forward", config.forward());
        for (InetSocketAddress upstream : config.forward()) {
            if (upstream.getPort() == 0) {
                throw refused("forward", upstream, "a port from 1 to 65535");
            }
            if (config.binds().contains(upstream)) {
                throw refused("forward", upstream, "another server than this one");
            }
        }
        if (config.zone().length() > MAX_ZONE_LENGTH || !isName(config.zone())) {
            throw refused("zone", config.zone(), NAME_EXPECTED + ", at most " + MAX_ZONE_LENGTH + " characters");
        }
        for (String name : config.records().keySet()) {
            if (!isName(name)) {
                throw refused("records", name, NAME_EXPECTED);
            }
            if (!fits(name, config.zone())) {
                throw refused("records", name, "at most " + MAX_NAME_LENGTH + " characters together with the zone");
            }
        }
        if (config.ttlSeconds() < 0 || config.ttlSeconds() > MAX_TTL_SECONDS) {
            throw refused("ttl-seconds", config.ttlSeconds(), "0 to " + MAX_TTL_SECONDS);
        }
    }

    static boolean isName(String text) {
        return NAME.matcher(text).matches();
    }

    static boolean fits(String name, String zone) {
        return name.length() + 1 + zone.length() <= MAX_NAME_LENGTH;
    }

    private static void checkAddresses(String key, List<InetSocketAddress> addresses) {
        Set<InetSocketAddress> seen = new HashSet<>();
        for (InetSocketAddress address : addresses) {
            if (address.isUnresolved()) {
                throw refused(key, address.getHostString(), "an IP address and port");
            }
            if (!seen.add(address)) {
                throw refused(key, Listener.format(address), "each address once");
            }
        }
    }

    private static IllegalArgumentException refused(String key, Object value, String expected) {
        Object shown = value instanceof InetSocketAddress address ? Listener.format(address) : value;
        return new IllegalArgumentException("dns." + key + ": " + shown + " (expected: " + expected + ")");
    }
}
