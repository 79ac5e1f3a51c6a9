package dev.drover.controlplane.compose;

import dev.drover.controlplane.model.Service.PortRule;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the {@code lb_config} of a load balancer. */
final class LbReader {
    static final String IMAGE = "drover/lb";
    private static final Set<String> IMAGES = Set.of(IMAGE, "rancher/lb-service-haproxy");
    private static final Set<String> UNAVAILABLE_CONFIG =
            Set.of("certs", "config", "default_cert", "stickiness_policy");
    private static final Set<String> UNAVAILABLE_RULE = Set.of(
            "backend_name", "container", "environment", "hostname", "path", "priority", "region", "selector", "weight");

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
            if (rules.stream().noneMatch(rule -> rule.sourcePort() == port.host())) {
                docker.fault("ports", port + ": no port rule has source_port " + port.container());
            }
        }
        return rules;
    }

    private List<PortRule> rules(Section config, List<PortForm> ports) {
        List<PortRule> rules = new ArrayList<>();
        Set<Integer> sources = new HashSet<>();
        List<Section> sections = config.sections("port_rules");
        if (sections.isEmpty()) {
            config.fault("port_rules", "has no rule (expected: a list of rules)");
        }
        for (Section section : sections) {
            PortRule rule = rule(section, ports);
            if (rule != null) {
                if (!sources.add(rule.sourcePort())) {
                    section.fault("source_port", "another rule has this port");
                }
                rules.add(rule);
            }
        }
        return rules;
    }

    private @Nullable PortRule rule(Section section, List<PortForm> ports) {
        int source = section.integer("source_port", 0, 1, 65_535);
        int target = section.integer("target_port", 0, 1, 65_535);
        String given = section.string("protocol");
        String protocol = given == null ? "http" : given.toLowerCase(Locale.ROOT);
        String service = section.string("service");
        section.finish(UNAVAILABLE_RULE);
        for (String key : List.of("source_port", "target_port", "service")) {
            if (!section.has(key)) {
                section.fault("", "has no " + key);
            }
        }
        switch (protocol) {
            case "http", "tcp" -> {}
            case "https", "tls", "sni", "udp" -> section.fault("protocol", given + ": not available in this version");
            default -> section.fault("protocol", given + " (expected: http or tcp)");
        }
        if (service == null || source == 0 || target == 0) {
            return null;
        }
        if (service.indexOf('/') < 0 && !serviceNames.contains(service)) {
            section.fault(
                    "service", service + ": no such service in this stack" + Suggestion.of(service, serviceNames));
        }
        int opened = source;
        for (PortForm port : ports) {
            opened = port.container() == source ? port.host() : opened;
        }
        return new PortRule(opened, protocol, service.toLowerCase(Locale.ROOT), target);
    }
}
