package dev.drover.node.config;

import dev.drover.dns.DnsConfig;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Section {@code dns} of the node file. */
final class DnsSection {
    private static final int DEFAULT_TTL_SECONDS = 1;
    private static final int MAX_TTL_SECONDS = 86_400;
    private static final String DEFAULT_ZONE = "rancher.internal";

    private DnsSection() {}

    static DnsConfig read(Path file, YamlNode node) {
        List<String> known = new ArrayList<>(List.of("bind", "zone", "ttl-seconds"));
        known.addAll(DnsNames.KEYS);
        known.addAll(DnsResolverSection.KEYS);
        known.addAll(DnsGuardSection.KEYS);
        Map<String, YamlNode> keys = node.map(known, List.of("dnssec", "tls"));
        YamlNode bind = node.required(keys, "bind");
        YamlNode zone = keys.get("zone");
        YamlNode ttl = keys.get("ttl-seconds");
        List<InetSocketAddress> binds = new ArrayList<>();
        for (YamlNode item : bind.isSequence() ? bind.list() : List.of(bind)) {
            binds.add(YamlValues.socketAddress(item, 0));
        }
        return new DnsConfig(
                binds,
                zone == null ? DEFAULT_ZONE : domain(zone),
                DnsNames.read(keys),
                DnsResolverSection.resolver(file, keys, binds),
                DnsResolverSection.limits(keys),
                DnsGuardSection.rateLimit(keys),
                DnsGuardSection.queryLog(file, keys),
                ttl == null ? DEFAULT_TTL_SECONDS : ttl.integer(0, MAX_TTL_SECONDS));
    }

    private static String domain(YamlNode node) {
        String text = node.text();
        String name = text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
        if (!YamlValues.isDomain(name)) {
            throw node.error(text + " (expected: a domain name such as rancher.internal)");
        }
        return name.toLowerCase(Locale.ROOT);
    }
}
