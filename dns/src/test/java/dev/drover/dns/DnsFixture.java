package dev.drover.dns;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import dev.drover.dns.path.Limits;
import dev.drover.dns.path.ResponseRate;
import dev.drover.dns.resolve.CachePolicy;
import dev.drover.dns.resolve.Timing;
import dev.drover.dns.resolve.Upstream.Endpoint;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.cert.X509Certificate;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Servers on loopback and ephemeral ports, closed in reverse order. */
final class DnsFixture implements Closeable {
    static final InetSocketAddress ANY_PORT = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0);

    private final Deque<Closeable> opened = new ArrayDeque<>();
    private final Transport transport;

    DnsFixture(Transport transport) {
        this.transport = transport;
    }

    DnsServer server() {
        DnsServer server = new DnsServer(lanes());
        own(server::close);
        return server;
    }

    private Lanes lanes() {
        Lanes lanes = Lanes.open(transport, 2);
        own(lanes::close);
        return lanes;
    }

    <T extends Closeable> T own(T resource) {
        opened.push(resource);
        return resource;
    }

    static Config config() {
        return new Config();
    }

    static DnsClient client(DnsServer server) {
        return new DnsClient(server.status().addresses().getFirst());
    }

    static List<InetAddress> addresses(String... literals) {
        return Stream.of(literals).map(InetAddress::ofLiteral).toList();
    }

    @Override
    public void close() throws IOException {
        while (!opened.isEmpty()) {
            opened.pop().close();
        }
    }

    /** Builds a configuration, starting from one address and no names. */
    static final class Config {
        private List<InetSocketAddress> binds = List.of(ANY_PORT);
        private String zone = "rancher.internal";
        private final Map<String, List<InetAddress>> records = new LinkedHashMap<>();
        private final Map<String, NameData> others = new HashMap<>();
        private final Map<InetAddress, String> pointers = new HashMap<>();
        private final List<Cidr> reverse = new ArrayList<>();
        private final List<View> views = new ArrayList<>();
        private List<Endpoint> forward = List.of();
        private final Map<String, List<Endpoint>> zones = new LinkedHashMap<>();
        private List<X509Certificate> trust = List.of();
        private CachePolicy cache = CachePolicy.DEFAULT;
        private Timing timing = Timing.DEFAULT;
        private Limits limits = Limits.DEFAULT;
        private ResponseRate.Rule rate = ResponseRate.Rule.NONE;
        private @Nullable QueryLogConfig queryLog;
        private int ttlSeconds = 5;

        Config binds(InetSocketAddress... addresses) {
            binds = List.of(addresses);
            return this;
        }

        Config zone(String name) {
            zone = name;
            return this;
        }

        Config record(String name, String... literals) {
            records.put(name, addresses(literals));
            return this;
        }

        Config forward(InetSocketAddress... upstreams) {
            return forward(endpoints(upstreams));
        }

        Config forward(List<Endpoint> upstreams) {
            forward = upstreams;
            return this;
        }

        Config forwardZone(String zone, InetSocketAddress... upstreams) {
            zones.put(zone, endpoints(upstreams));
            return this;
        }

        private static List<Endpoint> endpoints(InetSocketAddress... upstreams) {
            return Stream.of(upstreams)
                    .map(address -> new Endpoint(address, null))
                    .toList();
        }

        Config trust(X509Certificate certificate) {
            trust = List.of(certificate);
            return this;
        }

        Config cache(CachePolicy policy) {
            cache = policy;
            return this;
        }

        Config timing(Timing times) {
            timing = times;
            return this;
        }

        Config limits(Limits bounds) {
            limits = bounds;
            return this;
        }

        Config ttl(int seconds) {
            ttlSeconds = seconds;
            return this;
        }

        Config data(String name, NameData data) {
            others.put(name, data);
            return this;
        }

        Config pointer(String address, String name) {
            pointers.put(InetAddress.ofLiteral(address), name);
            return this;
        }

        Config reverse(String subnet) {
            reverse.add(Cidr.parse(subnet));
            return this;
        }

        Config view(View view) {
            views.add(view);
            return this;
        }

        Config rate(ResponseRate.Rule rule) {
            rate = rule;
            return this;
        }

        Config queryLog(QueryLogConfig log) {
            queryLog = log;
            return this;
        }

        DnsConfig build() {
            Map<String, NameData> common = new HashMap<>(Names.of(records).common());
            common.putAll(others);
            return new DnsConfig(
                    binds,
                    zone,
                    new Names(common, pointers, reverse, views),
                    new ResolverConfig(forward, zones, trust, cache, timing),
                    limits,
                    rate,
                    queryLog,
                    ttlSeconds);
        }
    }
}
