package dev.drover.node.config;

import dev.drover.dns.DnsConfig;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Section {@code dns} of the node file. */
final class DnsSection {
    private static final int DNS_PORT = 53;
    private static final int DEFAULT_TTL_SECONDS = 1;
    private static final int MAX_TTL_SECONDS = 86_400;
    private static final String DEFAULT_ZONE = "rancher.internal";

    private DnsSection() {}

    static DnsConfig read(YamlNode node) {
        Map<String, YamlNode> keys = node.map(
                List.of("bind", "zone", "records", "forward", "ttl-seconds"), List.of("cache", "dnssec", "tls"));
        YamlNode bind = node.required(keys, "bind");
        YamlNode zone = keys.get("zone");
        YamlNode records = YamlValues.present(keys.get("records"));
        YamlNode forward = YamlValues.present(keys.get("forward"));
        YamlNode ttl = keys.get("ttl-seconds");
        List<InetSocketAddress> binds = new ArrayList<>();
        for (YamlNode item : bind.isSequence() ? bind.list() : List.of(bind)) {
            binds.add(YamlValues.socketAddress(item, 0));
        }
        List<InetSocketAddress> upstreams = new ArrayList<>();
        for (YamlNode item : forward == null ? List.<YamlNode>of() : forward.list()) {
            InetSocketAddress upstream = upstream(item);
            if (binds.contains(upstream)) {
                throw item.error(item.text() + " is our own address (expected: another resolver)");
            }
            upstreams.add(upstream);
        }
        return new DnsConfig(
                binds,
                zone == null ? DEFAULT_ZONE : domain(zone),
                records == null ? Map.of() : records(records),
                upstreams,
                ttl == null ? DEFAULT_TTL_SECONDS : ttl.integer(0, MAX_TTL_SECONDS));
    }

    private static Map<String, List<InetAddress>> records(YamlNode node) {
        Map<String, List<InetAddress>> records = new HashMap<>();
        node.map().forEach((name, value) -> {
            if (!isDomain(name)) {
                throw value.error("not a name (expected: labels of letters, digits, '-' and '_' with dots between)");
            }
            List<InetAddress> addresses = new ArrayList<>();
            for (YamlNode item : value.list()) {
                addresses.add(YamlValues.address(item));
            }
            if (records.put(name.toLowerCase(Locale.ROOT), addresses) != null) {
                throw value.error("given twice in another case (expected: once)");
            }
        });
        return records;
    }

    private static String domain(YamlNode node) {
        String text = node.text();
        String name = text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
        if (!isDomain(name)) {
            throw node.error(text + " (expected: a domain name such as rancher.internal)");
        }
        return name.toLowerCase(Locale.ROOT);
    }

    private static boolean isDomain(String name) {
        return name.length() <= 253 && name.matches("[A-Za-z0-9_-]{1,63}(\\.[A-Za-z0-9_-]{1,63})*");
    }

    private static InetSocketAddress upstream(YamlNode node) {
        String text = node.text();
        if (text.lastIndexOf(':') < 0 || text.chars().filter(c -> c == ':').count() > 1 && !text.startsWith("[")) {
            return new InetSocketAddress(YamlValues.address(node), DNS_PORT);
        }
        return YamlValues.socketAddress(node, 1);
    }
}
