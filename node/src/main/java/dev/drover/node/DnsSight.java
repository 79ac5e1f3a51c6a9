package dev.drover.node;

import dev.drover.dns.DnsConfig;
import dev.drover.dns.DnsServer;
import dev.drover.dns.NameData;
import dev.drover.dns.ResolverConfig;
import dev.drover.dns.path.Explanation;
import dev.drover.dns.path.Rule;
import dev.drover.dns.resolve.Upstream.Endpoint;
import dev.drover.node.admin.Query;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.Type;

/** What the admin endpoint shows of names. */
final class DnsSight {
    private static final InetAddress NOBODY = InetAddress.ofLiteral("127.0.0.1");

    private final DnsServer server;
    private final @Nullable DnsConfig config;

    /** @param config what the server serves, null while it serves nothing */
    DnsSight(DnsServer server, @Nullable DnsConfig config) {
        this.server = server;
        this.config = config;
    }

    /**
     * How a question would be answered.
     *
     * @param as address of the client
     * @param rule as {@link Rule} in lower case
     * @param found the name that was found, relative to the zone; null for none
     * @param rcode null when it is an upstream's to say
     * @param upstream name that the upstreams are asked for, null for none
     * @param upstreams who they are, when they are asked: those of the longest domain that holds the name, else of all
     */
    record Lookup(
            String name,
            String type,
            InetAddress as,
            @Nullable String view,
            String rule,
            String meaning,
            @Nullable String found,
            @Nullable String rcode,
            List<String> answer,
            List<String> authority,
            List<String> additional,
            @Nullable String upstream,
            List<InetSocketAddress> upstreams) {}

    /** @throws Query.BadQueryException unless there is a name, and perhaps a type and a client */
    Object lookup(Query query) {
        query.only("name", "type", "as");
        if (config == null) {
            throw new Query.BadQueryException("dns: none on this node (expected: a node that serves names)");
        }
        String name = query.value("name");
        if (name == null || name.isEmpty()) {
            throw new Query.BadQueryException("name: not given (expected: a DNS name)");
        }
        String type = query.value("type") == null ? "A" : String.valueOf(query.value("type"));
        int number = Type.value(type.toUpperCase(Locale.ROOT), true);
        if (number < 0) {
            throw new Query.BadQueryException("type: " + type + " (expected: a record type such as A, AAAA or SRV)");
        }
        InetAddress client = client(query.value("as"), config);
        Explanation told;
        try {
            told = server.explain(name, number, client);
        } catch (IllegalArgumentException e) {
            throw new Query.BadQueryException(String.valueOf(e.getMessage()), e);
        }
        return new Lookup(
                name,
                Type.string(number),
                client,
                told.view(),
                told.rule().name().toLowerCase(Locale.ROOT),
                told.rule().meaning(),
                told.owner().isEmpty() ? null : told.owner(),
                told.rcode(),
                told.answer(),
                told.authority(),
                told.additional(),
                told.upstream(),
                told.upstream() == null ? List.of() : upstreams(told.upstream(), config.resolver()));
    }

    private static List<InetSocketAddress> upstreams(String name, ResolverConfig resolver) {
        String domain = name.toLowerCase(Locale.ROOT);
        domain = domain.endsWith(".") ? domain.substring(0, domain.length() - 1) : domain;
        while (!domain.isEmpty() && !resolver.zones().containsKey(domain)) {
            int dot = domain.indexOf('.');
            domain = dot < 0 ? "" : domain.substring(dot + 1);
        }
        return resolver.zones().getOrDefault(domain, resolver.upstreams()).stream()
                .map(Endpoint::address)
                .toList();
    }

    /** An address, or a name everybody sees, such as a container's. */
    private static InetAddress client(@Nullable String as, DnsConfig config) {
        if (as == null) {
            return NOBODY;
        }
        NameData known = config.names().common().get(as.toLowerCase(Locale.ROOT));
        if (known != null && !known.addresses().isEmpty()) {
            return known.addresses().getFirst();
        }
        try {
            return InetAddress.ofLiteral(as);
        } catch (IllegalArgumentException e) {
            throw new Query.BadQueryException(
                    "as: " + as + " (expected: an address, or the name of a container that runs)", e);
        }
    }
}
