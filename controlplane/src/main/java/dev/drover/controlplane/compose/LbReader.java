package dev.drover.controlplane.compose;

import dev.drover.controlplane.model.Discovery;
import dev.drover.controlplane.model.Service.PortRule;
import dev.drover.controlplane.model.Service.Serving;
import dev.drover.controlplane.model.Service.TargetTls;
import dev.drover.controlplane.model.Service.Tls;
import dev.drover.controlplane.policy.Selector;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Reads the {@code lb_config} of a load balancer. */
final class LbReader {
    static final String IMAGE = "drover/lb";
    private static final Set<String> IMAGES = Set.of(IMAGE, "rancher/lb-service-haproxy");
    private static final Set<String> UNAVAILABLE_CONFIG = Set.of("config");
    private static final Set<String> UNAVAILABLE_RULE = Set.of("environment", "region");
    private static final Set<String> UNAVAILABLE_SELECTED = Set.of(
            "access_log", "balance", "certs", "config", "default_cert", "limits", "stickiness_policy", "timeouts");
    private static final Set<String> BALANCES =
            Set.of("round-robin", "least-connections", "power-of-two", "source-hash", "maglev");
    private static final String LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?";
    private static final String NAME = LABEL + "(\\." + LABEL + ")*";
    private static final int MAX_WEIGHT = 256;
    private static final int MAX_PRIORITY = 1_000_000;
    private static final String DEFAULT_COOKIE = "drover_lb";

    private final Set<String> serviceNames;

    LbReader(Set<String> serviceNames) {
        this.serviceNames = serviceNames;
    }

    static boolean isBalancer(@Nullable String image) {
        if (image == null) {
            return false;
        }
        int colon = image.lastIndexOf(':');
        return IMAGES.contains(colon < 0 ? image : image.substring(0, colon));
    }

    /**
     * @param ports published ports of the service: {@code 80:9898} opens source port 9898 as port 80 of the hosts; a source
     *     port that is not published is opened as itself
     */
    List<PortRule> read(Section docker, @Nullable Section rancher, List<PortForm> ports) {
        Section own = docker.section("lb_config");
        Section other = rancher == null ? null : rancher.section("lb_config");
        Section config = other == null ? own : other;
        if (config == null) {
            docker.fault(
                    "",
                    "load balancer without rules (expected: lb_config with port_rules in " + Compose.RANCHER
                            + " or here)");
            return List.of();
        }
        if (own != null && other != null) {
            docker.fault("lb_config", "is also in " + Compose.RANCHER + " (expected: one of them)");
        }
        List<PortRule> rules = rules(config, ports);
        config.finish(UNAVAILABLE_CONFIG);
        for (PortForm port : ports) {
            if (rules.stream()
                    .noneMatch(rule ->
                            rule.sourcePort() == port.host() && rule.protocol().equals("udp") == port.udp())) {
                docker.fault("ports", port + ": no port rule has source_port " + port.container());
            }
        }
        return rules;
    }

    private List<PortRule> rules(Section config, List<PortForm> ports) {
        String balance = config.string("balance");
        if (balance != null && !BALANCES.contains(balance)) {
            config.fault("balance", balance + " (expected: one of " + String.join(", ", new TreeSet<>(BALANCES)) + ")");
        }
        Section stickiness = config.section("stickiness_policy");
        String cookie = stickyCookie(stickiness);
        Serving serving = LbServing.read(config, stickiness);
        if (stickiness != null) {
            stickiness.finish(Set.of());
        }
        Tls tls = tls(config);
        List<PortRule> rules = new ArrayList<>();
        Map<Integer, String> protocols = new HashMap<>();
        Set<List<Object>> known = new HashSet<>();
        List<Section> sections = config.sections("port_rules");
        if (sections.isEmpty()) {
            config.fault("port_rules", "has no rule (expected: a list of rules)");
        }
        for (Section section : sections) {
            PortRule rule = rule(section, ports, cookie, balance, tls, serving);
            if (rule == null) {
                continue;
            }
            String given = given(section);
            String protocol = protocols.putIfAbsent(rule.sourcePort(), given);
            if (protocol != null && !protocol.equals(given)) {
                section.fault(
                        "protocol",
                        given + " (expected: " + protocol + ", as another rule of port " + rule.sourcePort() + " has)");
            } else if (protocol != null && List.of("tcp", "udp").contains(rule.protocol())) {
                section.fault("source_port", "another rule has this port");
            }
            List<Object> place = new ArrayList<>();
            place.add(rule.sourcePort());
            place.add(rule.hostname());
            place.add(rule.path());
            place.add(rule.priority());
            place.add(rule.service());
            place.add(rule.targetPort());
            if (!known.add(place)) {
                section.fault("", "another rule says the same (expected: each rule once)");
            }
            rules.add(rule);
        }
        return rules;
    }

    /** Only inserted cookies: {@code prefix} and {@code rewrite} change a cookie that the service itself must set. */
    private static @Nullable String stickyCookie(@Nullable Section policy) {
        if (policy == null) {
            return null;
        }
        policy.accept("name");
        policy.bool("indirect", true);
        policy.bool("nocache", true);
        String mode = policy.string("mode");
        if (mode != null && !mode.equals("insert")) {
            policy.fault("mode", mode + " (expected: insert)");
        }
        String cookie = policy.string("cookie");
        if (cookie != null && !cookie.matches("[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")) {
            policy.fault("cookie", cookie + " (expected: a cookie name of 1 to 64 letters, digits, '-' or '_')");
        }
        return cookie == null ? DEFAULT_COOKIE : cookie;
    }

    private static String given(Section section) {
        String given = section.string("protocol");
        return given == null ? "http" : given.toLowerCase(Locale.ROOT);
    }

    /** Null without certificates. A default alone is one for everybody; without a default other names are refused. */
    private static @Nullable Tls tls(Section config) {
        List<String> certificates = config.strings("certs").stream()
                .map(name -> name.toLowerCase(Locale.ROOT))
                .distinct()
                .toList();
        String fallback = config.string("default_cert");
        return certificates.isEmpty() && fallback == null
                ? null
                : new Tls(certificates, fallback == null ? null : fallback.toLowerCase(Locale.ROOT));
    }

    /** What a service that is no load balancer says to those that select it. */
    List<PortRule> readSelected(@Nullable Section config) {
        if (config == null) {
            return List.of();
        }
        List<PortRule> rules = new ArrayList<>();
        for (Section section : config.sections("port_rules")) {
            for (String key : List.of("container", "protocol", "selector", "service", "source_port", "target_tls")) {
                if (section.has(key)) {
                    section.accept(key);
                    section.fault(key, "only for a load balancer (expected: image: " + IMAGE + ")");
                }
            }
            int target = section.integer("target_port", 0, 1, 65_535);
            if (!section.has("target_port")) {
                section.fault("", "has no target_port");
            }
            rules.add(new PortRule(
                    0,
                    "",
                    "",
                    target,
                    hostname(section),
                    path(section),
                    priority(section),
                    weight(section),
                    null,
                    null));
            section.accept("backend_name");
            section.finish(UNAVAILABLE_RULE);
        }
        if (rules.isEmpty()) {
            config.fault("port_rules", "has no rule (expected: a list of rules)");
        }
        config.finish(UNAVAILABLE_SELECTED);
        return rules;
    }

    private static @Nullable Integer priority(Section section) {
        return section.has("priority") ? section.integer("priority", 0, 0, MAX_PRIORITY) : null;
    }

    private static @Nullable Integer weight(Section section) {
        return section.has("weight") ? section.integer("weight", 1, 0, MAX_WEIGHT) : null;
    }

    /** What a rule leads to, as {@link PortRule#service} has it; null when it does not say, or says it twice. */
    private @Nullable String destination(Section section) {
        String service = section.string("service");
        String container = section.string("container");
        String selector = section.string("selector");
        long said =
                Stream.of(service, container, selector).filter(Objects::nonNull).count();
        if (said != 1) {
            section.fault(
                    "",
                    said == 0 ? "has no service" : "has several of service, container and selector (expected: one)");
            return null;
        }
        if (container != null) {
            if (!container.matches("[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")) {
                section.fault("container", container + " (expected: the name of a container)");
            }
            return Discovery.CONTAINER + container;
        }
        if (selector != null) {
            try {
                Selector.parse(selector);
            } catch (IllegalArgumentException e) {
                section.fault("selector", String.valueOf(e.getMessage()));
            }
            return PortRule.SELECTOR + selector;
        }
        if (service != null && service.indexOf('/') < 0 && !serviceNames.contains(service)) {
            section.fault(
                    "service", service + ": no such service in this stack" + Suggestion.of(service, serviceNames));
        }
        return service == null ? null : service.toLowerCase(Locale.ROOT);
    }

    private @Nullable PortRule rule(
            Section section,
            List<PortForm> ports,
            @Nullable String cookie,
            @Nullable String balance,
            @Nullable Tls tls,
            @Nullable Serving serving) {
        int source = section.integer("source_port", 0, 1, 65_535);
        int target = section.integer("target_port", 0, 1, 65_535);
        String given = given(section);
        String protocol = given;
        String service = destination(section);
        String hostname = hostname(section);
        String path = path(section);
        Integer priority = priority(section);
        Integer weight = weight(section);
        TargetTls targetTls = LbServing.targetTls(section.section("target_tls"));
        if (targetTls != null && !List.of("http", "https", "grpc", "grpcs").contains(given)) {
            section.fault("target_tls", "not with protocol " + given + " (expected: http, https, grpc or grpcs)");
        }
        // Names a part of a haproxy configuration, which there is none of here.
        section.accept("backend_name");
        section.finish(UNAVAILABLE_RULE);
        boolean selects = service != null && service.startsWith(PortRule.SELECTOR);
        for (String key : selects ? List.of("source_port") : List.of("source_port", "target_port")) {
            if (!section.has(key)) {
                section.fault("", "has no " + key);
            }
        }
        switch (given) {
            case "http", "https" -> protocol = "http";
            case "grpc", "grpcs" -> protocol = "grpc";
            case "tcp", "tls", "udp" -> {
                protocol = given.equals("udp") ? "udp" : "tcp";
                for (String key : List.of("hostname", "path")) {
                    if (section.has(key)) {
                        section.fault(key, "not with protocol " + given + " (expected: http or https)");
                    }
                }
            }
            case "sni" -> {
                protocol = "sni";
                if (section.has("path")) {
                    section.fault("path", "not with protocol sni (expected: http or https)");
                }
            }
            default -> section.fault("protocol", given + " (expected: http, https, grpc, grpcs, tcp, tls, sni or udp)");
        }
        boolean encrypted = List.of("https", "grpcs", "tls").contains(given);
        if (encrypted && tls == null) {
            section.fault("protocol", given + ": without a certificate (expected: certs or default_cert of lb_config)");
        }
        if (service == null || source == 0 || (target == 0 && !selects)) {
            return null;
        }
        int opened = source;
        for (PortForm port : ports) {
            opened = port.container() == source && port.udp() == protocol.equals("udp") ? port.host() : opened;
        }
        return new PortRule(
                opened,
                protocol,
                service,
                target,
                hostname,
                path,
                priority,
                weight,
                protocol.equals("http") ? cookie : null,
                balance,
                encrypted ? tls : null,
                serving,
                targetTls);
    }

    private static @Nullable String hostname(Section section) {
        String given = section.string("hostname");
        if (given == null || given.isEmpty()) {
            return null;
        }
        String host = given.toLowerCase(Locale.ROOT);
        if (!host.matches(NAME) && !host.matches("\\*\\." + NAME) && !host.matches(NAME + "\\.?\\*")) {
            section.fault("hostname", given + " (expected: a name, *.name or name.*, without a port)");
            return null;
        }
        return host;
    }

    /** A slash at the end says nothing; {@code /} alone is every path. */
    private static @Nullable String path(Section section) {
        String given = section.string("path");
        if (given == null || given.isEmpty()) {
            return null;
        }
        if (!given.matches("/[\\x21-\\x7e&&[^?#%\\\\]]*")) {
            section.fault("path", given + " (expected: a path that begins with '/', without '?', '#' and '%')");
            return null;
        }
        String path = given.endsWith("/") ? given.substring(0, given.length() - 1) : given;
        return path.isEmpty() ? null : path;
    }
}
