package dev.drover.controlplane.compose;

import dev.drover.controlplane.link.DesiredItem.ContainerSpec;
import dev.drover.controlplane.model.Discovery;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Service.Kind;
import dev.drover.controlplane.model.Service.PortRule;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads one service out of its sections of both files. */
final class ServiceReader {
    static final String GLOBAL_LABEL = "io.rancher.scheduler.global";
    private static final String AFFINITY_PREFIX = "io.rancher.scheduler.affinity:";
    private static final Set<String> HOST_LABEL_RULES = Set.of(
            AFFINITY_PREFIX + "host_label",
            AFFINITY_PREFIX + "host_label_ne",
            AFFINITY_PREFIX + "host_label_soft",
            AFFINITY_PREFIX + "host_label_soft_ne");
    private static final long SETTLE_MS = 2_000;
    private static final int MAX_SCALE = 10_000;
    private static final long DEFAULT_DRAIN_TIMEOUT_MS = 30_000;
    private static final long MAX_DRAIN_MS = 24 * 3_600_000L;

    /** Keys of Docker's compose files that this version has nothing for. */
    private static final Set<String> UNAVAILABLE = Set.of(
            "annotations",
            "attach",
            "blkio_config",
            "build",
            "cap_drop",
            "cgroup",
            "cgroup_parent",
            "configs",
            "container_name",
            "cpu_count",
            "cpu_percent",
            "cpu_period",
            "cpu_quota",
            "cpu_set",
            "cpu_shares",
            "cpus",
            "cpuset",
            "credential_spec",
            "device_cgroup_rules",
            "devices",
            "dns",
            "dns_opt",
            "dns_search",
            "dockerfile",
            "domainname",
            "env_file",
            "extends",
            "extra_hosts",
            "gpus",
            "group_add",
            "healthcheck",
            "init",
            "ipc",
            "isolation",
            "log_driver",
            "log_opt",
            "logging",
            "mac_address",
            "mem_reservation",
            "mem_swappiness",
            "memswap_limit",
            "net",
            "network_mode",
            "networks",
            "oom_kill_disable",
            "oom_score_adj",
            "pid",
            "pids_limit",
            "platform",
            "profiles",
            "pull_policy",
            "read_only",
            "runtime",
            "secrets",
            "security_opt",
            "shm_size",
            "stop_grace_period",
            "stop_signal",
            "storage_opt",
            "sysctls",
            "tmpfs",
            "ulimits",
            "userns_mode",
            "uts",
            "volume_driver",
            "volumes_from");

    /** Keys of rancher-compose.yml that this version has nothing for. */
    private static final Set<String> UNAVAILABLE_RANCHER = Set.of(
            "certs",
            "default_cert",
            "disks",
            "load_balancer_config",
            "memory",
            "milli_cpu_reservation",
            "network_driver",
            "retain_ip",
            "scale_policy",
            "service_schemas",
            "storage_driver",
            "type",
            "userdata",
            "vcpu");

    private static final Set<String> UNAVAILABLE_DEPLOY = Set.of(
            "endpoint_mode",
            "labels",
            "mode",
            "placement",
            "resources",
            "restart_policy",
            "rollback_config",
            "update_config");

    private final Map<String, String> variables;
    private final Set<String> serviceNames;

    ServiceReader(Map<String, String> variables, Set<String> serviceNames) {
        this.variables = variables;
        this.serviceNames = serviceNames;
    }

    /** Faults are reported; the result is only good when there were none. */
    ServiceDraft read(String name, Section docker, @Nullable Section rancher) {
        String image = docker.string("image");
        boolean balancer = LbReader.isBalancer(image) || docker.has("lb_config");
        Kind named = NamesReader.kind(image);
        Kind kind = balancer ? Kind.LOAD_BALANCER : named == null ? Kind.SERVICE : named;
        if (image == null && !balancer && !docker.has("image")) {
            docker.fault("", "has no image (expected: image: NAME)");
        }
        Map<String, String> labels = docker.pairs("labels", label -> "");
        affinities(docker, labels);
        List<PortForm> ports = ports(docker);
        Integer scale = scale(docker, rancher);
        long drainTimeoutMs = DEFAULT_DRAIN_TIMEOUT_MS;
        if (rancher != null) {
            drainTimeoutMs = rancher.integer("drain_timeout_ms", drainTimeoutMs, 0, MAX_DRAIN_MS);
            startOnCreate(rancher);
            upgradeStrategy(rancher);
        }
        List<PortRule> rules = List.of();
        ContainerSpec spec = null;
        if (balancer) {
            acceptContainerKeys(docker);
            rules = new LbReader(serviceNames).read(docker, rancher, ports);
        } else {
            ports.stream()
                    .filter(PortForm::udp)
                    .forEach(port -> docker.fault(
                            "ports",
                            port
                                    + ": not available in this version (expected: /tcp, or a load balancer with a port rule"
                                    + " of protocol udp)"));
            if (kind == Kind.SERVICE) {
                spec = container(docker, image, labels, ports);
            } else {
                acceptContainerKeys(docker);
            }
            if (rancher != null) {
                rules = new LbReader(serviceNames).readSelected(rancher.section("lb_config"));
            }
        }
        Service.HealthCheck healthCheck = rancher == null || kind != Kind.SERVICE ? null : HealthReader.read(rancher);
        Discovery discovery = new NamesReader(serviceNames).read(kind, docker, rancher);
        Map<String, Object> metadata = rancher == null ? null : MetadataReader.read(rancher);
        docker.accept("depends_on");
        docker.accept("restart");
        docker.finish(UNAVAILABLE);
        if (rancher != null) {
            rancher.finish(UNAVAILABLE_RANCHER);
        }
        boolean global = "true".equalsIgnoreCase(labels.get(GLOBAL_LABEL));
        return new ServiceDraft(
                name.toLowerCase(Locale.ROOT),
                kind,
                scale,
                global,
                spec,
                rules,
                labels,
                drainTimeoutMs,
                discovery,
                metadata,
                healthCheck);
    }

    private ContainerSpec container(
            Section docker, @Nullable String image, Map<String, String> labels, List<PortForm> ports) {
        return new ContainerSpec(
                image == null ? "" : image,
                docker.words("command"),
                docker.words("entrypoint"),
                docker.pairs("environment", variables::get),
                labels,
                docker.bool("tty", false),
                docker.bool("stdin_open", false),
                docker.string("working_dir"),
                docker.stringOrNumber("user"),
                docker.stringOrNumber("hostname"),
                volumes(docker),
                ports.stream().map(PortForm::toString).toList(),
                docker.bool("privileged", false),
                docker.strings("cap_add"),
                memory(docker));
    }

    /** What only a container has is meaningless, but harmless, for a service that has none. */
    private static void acceptContainerKeys(Section docker) {
        for (String key : List.of(
                "command",
                "entrypoint",
                "environment",
                "tty",
                "stdin_open",
                "working_dir",
                "user",
                "hostname",
                "volumes",
                "privileged",
                "cap_add",
                "mem_limit")) {
            docker.accept(key);
        }
    }

    private static @Nullable Integer scale(Section docker, @Nullable Section rancher) {
        Integer scale = docker.has("scale") ? docker.integer("scale", 1, 0, MAX_SCALE) : null;
        Section deploy = docker.section("deploy");
        if (deploy != null) {
            if (deploy.has("replicas")) {
                scale = deploy.integer("replicas", 1, 0, MAX_SCALE);
            }
            deploy.accept("replicas");
            deploy.finish(UNAVAILABLE_DEPLOY);
        }
        if (rancher != null && rancher.has("scale")) {
            scale = rancher.integer("scale", 1, 0, MAX_SCALE);
        }
        docker.accept("scale");
        if (rancher != null) {
            rancher.accept("scale");
        }
        return scale;
    }

    private static void startOnCreate(Section rancher) {
        if (!rancher.bool("start_on_create", true)) {
            rancher.fault("start_on_create", "false: services that wait are not available in this version");
        }
    }

    /** There is one way to upgrade: the new instance first, one by one. What asks for another is refused, not ignored. */
    private static void upgradeStrategy(Section rancher) {
        Section strategy = rancher.section("upgrade_strategy");
        if (strategy == null) {
            return;
        }
        int batchSize = strategy.integer("batch_size", 1, 1, MAX_SCALE);
        if (batchSize > 1) {
            strategy.fault("batch_size", batchSize + ": not available in this version (expected: 1)");
        }
        long intervalMs = strategy.integer("interval_millis", 0L, 0, MAX_DRAIN_MS);
        if (intervalMs > SETTLE_MS) {
            strategy.fault(
                    "interval_millis",
                    intervalMs + ": not available in this version (expected: at most " + SETTLE_MS
                            + ", the time a new instance runs before an old one goes)");
        }
        if (!strategy.bool("start_first", true)) {
            strategy.fault(
                    "start_first",
                    "false: not available in this version (expected: true, an upgrade starts the new instance first)");
        }
        strategy.finish(Set.of());
    }

    /** What this version cannot honour must not be ignored: an instance could land where it must never run. */
    private static void affinities(Section docker, Map<String, String> labels) {
        for (String label : labels.keySet()) {
            if (label.startsWith(AFFINITY_PREFIX) && !HOST_LABEL_RULES.contains(label)) {
                docker.fault("labels", label + ": not available in this version (expected: host_label rules)");
            }
        }
    }

    private static List<PortForm> ports(Section docker) {
        List<PortForm> ports = new ArrayList<>();
        Set<Integer> hostPorts = new HashSet<>();
        for (String text : docker.strings("ports")) {
            try {
                PortForm port = PortForm.parse(text);
                if (hostPorts.add(port.host())) {
                    ports.add(port);
                } else {
                    docker.fault("ports", text + ": host port " + port.host() + " is published twice");
                }
            } catch (IllegalArgumentException e) {
                docker.fault("ports", String.valueOf(e.getMessage()));
            }
        }
        return ports;
    }

    private static List<String> volumes(Section docker) {
        List<String> volumes = docker.strings("volumes");
        for (String volume : volumes) {
            String[] parts = volume.split(":", -1);
            boolean ok = switch (parts.length) {
                case 1 -> volume.startsWith("/");
                case 2 -> !parts[0].isEmpty() && parts[1].startsWith("/");
                case 3 -> !parts[0].isEmpty() && parts[1].startsWith("/") && !parts[2].isEmpty();
                default -> false;
            };
            if (!ok || parts[0].startsWith(".") || parts[0].startsWith("~")) {
                docker.fault("volumes", volume + " (expected: /HOSTPATH:/PATH, NAME:/PATH, :ro may follow)");
            }
        }
        return volumes;
    }

    private static @Nullable Long memory(Section docker) {
        String text = docker.stringOrNumber("mem_limit");
        if (text == null) {
            return null;
        }
        try {
            return Bytes.parse(text);
        } catch (IllegalArgumentException e) {
            docker.fault("mem_limit", String.valueOf(e.getMessage()));
            return null;
        }
    }
}
