package dev.drover.node.config;

import dev.drover.dataplane.Cidr;
import dev.drover.dns.NameData;
import dev.drover.dns.NameData.Srv;
import dev.drover.dns.Names;
import dev.drover.dns.View;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The names within section {@code dns} of the node file: records of each type, reverse zones and views. */
final class DnsNames {
    /** Keys of the section that are read here. */
    static final List<String> KEYS = List.of("records", "cname", "srv", "txt", "reverse", "views");

    private static final List<String> VIEW_KEYS =
            List.of("name", "sources", "search", "records", "cname", "srv", "txt");
    private static final int MAX_SHORT = 65_535;
    private static final int MAX_TEXT_BYTES = 255;
    private static final String NAME_EXPECTED =
            "not a name (expected: labels of letters, digits, '-' and '_' with dots between)";

    private DnsNames() {}

    static Names read(Map<String, YamlNode> keys) {
        Map<String, NameData> common = data(keys);
        List<Cidr> reverse = cidrs(keys.get("reverse"));
        return new Names(common, pointers(common), reverse, views(keys.get("views")));
    }

    /** An address has one name: the first in the order of the alphabet of those that have no other address, else of all. */
    private static Map<InetAddress, String> pointers(Map<String, NameData> names) {
        Map<InetAddress, String> pointers = new HashMap<>();
        Map<String, NameData> ordered = new TreeMap<>(names);
        ordered.forEach((name, data) -> {
            if (data.addresses().size() == 1) {
                pointers.putIfAbsent(data.addresses().getFirst(), name);
            }
        });
        ordered.forEach((name, data) -> data.addresses().forEach(address -> pointers.putIfAbsent(address, name)));
        return pointers;
    }

    private static Map<String, NameData> data(Map<String, YamlNode> keys) {
        Map<String, List<InetAddress>> addresses = new HashMap<>();
        Map<String, String> aliases = new HashMap<>();
        Map<String, List<Srv>> services = new HashMap<>();
        Map<String, List<String>> texts = new HashMap<>();
        entries(keys.get("records"), (name, value) -> {
            List<InetAddress> list = new ArrayList<>();
            value.list().forEach(item -> list.add(YamlValues.address(item)));
            return addresses.put(name, list) == null;
        });
        entries(keys.get("srv"), (name, value) -> {
            List<Srv> list = new ArrayList<>();
            value.list().forEach(item -> list.add(service(item)));
            return services.put(name, list) == null;
        });
        entries(keys.get("txt"), (name, value) -> {
            List<String> list = new ArrayList<>();
            value.list().forEach(item -> list.add(text(item)));
            return texts.put(name, list) == null;
        });
        entries(keys.get("cname"), (name, value) -> {
            if (addresses.containsKey(name) || services.containsKey(name) || texts.containsKey(name)) {
                throw value.error(value.text() + " (expected: no other record of a name that has a cname)");
            }
            return aliases.put(name, target(value)) == null;
        });
        Set<String> names = new TreeSet<>(addresses.keySet());
        names.addAll(aliases.keySet());
        names.addAll(services.keySet());
        names.addAll(texts.keySet());
        Map<String, NameData> data = new HashMap<>();
        for (String name : names) {
            data.put(
                    name,
                    new NameData(
                            addresses.getOrDefault(name, List.of()),
                            aliases.get(name),
                            services.getOrDefault(name, List.of()),
                            texts.getOrDefault(name, List.of())));
        }
        return data;
    }

    private interface Entry {
        /** False when the name was there before. */
        boolean put(String name, YamlNode value);
    }

    private static void entries(@Nullable YamlNode node, Entry entry) {
        YamlNode given = YamlValues.present(node);
        if (given == null) {
            return;
        }
        given.map().forEach((name, value) -> {
            if (!YamlValues.isDomain(name)) {
                throw value.error(NAME_EXPECTED);
            }
            if (!entry.put(name.toLowerCase(Locale.ROOT), value)) {
                throw value.error("given twice in another case (expected: once)");
            }
        });
    }

    private static Srv service(YamlNode node) {
        Map<String, YamlNode> keys = node.map(List.of("port", "target", "priority", "weight"), List.of());
        YamlNode priority = keys.get("priority");
        YamlNode weight = keys.get("weight");
        return new Srv(
                priority == null ? 0 : priority.integer(0, MAX_SHORT),
                weight == null ? 0 : weight.integer(0, MAX_SHORT),
                node.required(keys, "port").integer(1, MAX_SHORT),
                target(node.required(keys, "target")));
    }

    private static String target(YamlNode node) {
        String text = node.text();
        String name = text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
        if (!YamlValues.isDomain(name)) {
            throw node.error(text + " (expected: a full name such as web1.rancher.internal or db.example.com)");
        }
        return name.toLowerCase(Locale.ROOT);
    }

    private static String text(YamlNode node) {
        String text = node.text();
        if (text.getBytes(StandardCharsets.UTF_8).length > MAX_TEXT_BYTES) {
            throw node.error(text.length() + " characters (expected: at most " + MAX_TEXT_BYTES + " bytes a text)");
        }
        return text;
    }

    private static List<Cidr> cidrs(@Nullable YamlNode node) {
        YamlNode given = YamlValues.present(node);
        List<Cidr> subnets = new ArrayList<>();
        for (YamlNode item : given == null ? List.<YamlNode>of() : given.list()) {
            subnets.add(YamlValues.cidr(item));
        }
        return subnets;
    }

    private static List<View> views(@Nullable YamlNode node) {
        YamlNode given = YamlValues.present(node);
        List<View> views = new ArrayList<>();
        Set<Cidr> sources = new HashSet<>();
        for (YamlNode item : given == null ? List.<YamlNode>of() : given.list()) {
            Map<String, YamlNode> keys = item.map(VIEW_KEYS, List.of());
            YamlNode sourcesNode = item.required(keys, "sources");
            for (YamlNode source : sourcesNode.list()) {
                if (!sources.add(source(source))) {
                    throw source.error(source.text() + " is in another view (expected: each subnet once)");
                }
            }
            List<String> search = new ArrayList<>();
            YamlNode searchNode = YamlValues.present(keys.get("search"));
            for (YamlNode domain : searchNode == null ? List.<YamlNode>of() : searchNode.list()) {
                if (!YamlValues.isDomain(domain.text())) {
                    throw domain.error(domain.text() + " (expected: a domain relative to the zone such as stack)");
                }
                search.add(domain.text().toLowerCase(Locale.ROOT));
            }
            views.add(new View(
                    item.required(keys, "name").text(),
                    sourcesNode.list().stream().map(DnsNames::source).toList(),
                    search,
                    data(keys)));
        }
        return views;
    }

    /** A subnet, or one address. */
    private static Cidr source(YamlNode node) {
        String text = node.text();
        try {
            return Cidr.parse(text.indexOf('/') < 0 ? text + "/" + Integer.SIZE : text);
        } catch (IllegalArgumentException e) {
            throw node.error(e);
        }
    }
}
