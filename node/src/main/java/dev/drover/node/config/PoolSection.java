package dev.drover.node.config;

import dev.drover.lb.Balance;
import dev.drover.lb.CapacityConfig;
import dev.drover.lb.HealthCheckConfig;
import dev.drover.lb.OutlierConfig;
import dev.drover.lb.PoolConfig;
import dev.drover.lb.RetryConfig;
import dev.drover.lb.StickyConfig;
import dev.drover.lb.TargetConfig;
import dev.drover.lb.TargetProtocol;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Reads the keys of a pool, which may stand in {@code lb.pools}, at a listener or at a route. */
final class PoolSection {
    private static final Duration HOUR = Duration.ofHours(1);
    private static final List<String> KEYS = List.of(
            "targets",
            "balance",
            "bounded-load",
            "slow-start",
            "sticky",
            "health",
            "when-none-healthy",
            "outlier",
            "max-connections",
            "queue",
            "retries",
            "target-tls",
            "target-protocol",
            "source-address");

    private PoolSection() {}

    /** The keys of a pool behind some others. */
    static List<String> with(String... others) {
        return Stream.concat(Arrays.stream(others), KEYS.stream()).toList();
    }

    /** Complains of the first key of a pool in {@code entry}. */
    static void refuse(Map<String, YamlNode> entry, String expected) {
        entry.forEach((key, value) -> {
            if (KEYS.contains(key)) {
                throw value.error("has no pool to belong to (expected: " + expected + ")");
            }
        });
    }

    /** Relative paths are beside {@code file}. */
    static PoolConfig read(Path file, String name, YamlNode node, Map<String, YamlNode> entry) {
        YamlNode balance = entry.get("balance");
        YamlNode bound = entry.get("bounded-load");
        YamlNode slowStart = entry.get("slow-start");
        YamlNode sticky = YamlValues.present(entry.get("sticky"));
        YamlNode health = YamlValues.present(entry.get("health"));
        YamlNode open = entry.get("when-none-healthy");
        YamlNode tls = YamlValues.present(entry.get("target-tls"));
        TargetProtocol protocol = protocol(YamlValues.present(entry.get("target-protocol")));
        if (open != null && health == null) {
            throw open.error("nobody asks whether targets are healthy (expected: health beside it)");
        }
        List<TargetConfig> targets = targets(node.required(entry, "targets"));
        return at(
                bound == null ? node : bound,
                () -> new PoolConfig(
                        name,
                        balance == null ? Balance.ROUND_ROBIN : balance(balance),
                        bound == null ? 0 : bound.integer(0, 1_000),
                        slowStart == null ? Duration.ZERO : slowStart.duration(Duration.ZERO, HOUR),
                        sticky == null ? null : sticky(sticky),
                        health == null ? null : health(health),
                        open == null || failOpen(open),
                        outlier(YamlValues.present(entry.get("outlier"))),
                        capacity(entry.get("max-connections"), YamlValues.present(entry.get("queue")), protocol),
                        retries(YamlValues.present(entry.get("retries"))),
                        targets,
                        tls == null ? null : TargetTlsSection.read(file, tls),
                        protocol,
                        clientAddress(YamlValues.present(entry.get("source-address")))));
    }

    private static boolean clientAddress(@Nullable YamlNode node) {
        if (node == null) {
            return false;
        }
        return switch (node.text()) {
            case "own" -> false;
            case "client" -> true;
            default -> throw node.error(node.text() + " (expected: own or client)");
        };
    }

    private static TargetProtocol protocol(@Nullable YamlNode node) {
        if (node == null) {
            return TargetProtocol.HTTP_1_1;
        }
        return switch (node.text()) {
            case "http/1.1" -> TargetProtocol.HTTP_1_1;
            case "h2" -> TargetProtocol.HTTP_2;
            default -> throw node.error(node.text() + " (expected: http/1.1 or h2)");
        };
    }

    private static List<TargetConfig> targets(YamlNode node) {
        List<TargetConfig> targets = new ArrayList<>();
        Set<InetSocketAddress> seen = new HashSet<>();
        for (YamlNode item : node.list()) {
            TargetConfig target =
                    item.isMapping() ? target(item) : TargetConfig.active(YamlValues.socketAddress(item, 1));
            if (!seen.add(target.address())) {
                throw item.error(
                        (item.isMapping() ? "address" : item.text()) + " is given twice (expected: each target once)");
            }
            targets.add(target);
        }
        return targets;
    }

    private static TargetConfig target(YamlNode node) {
        Map<String, YamlNode> entry = node.map(List.of("address", "weight", "priority", "drain", "id"), List.of());
        YamlNode weight = entry.get("weight");
        YamlNode priority = entry.get("priority");
        YamlNode drain = entry.get("drain");
        YamlNode id = entry.get("id");
        return new TargetConfig(
                YamlValues.socketAddress(node.required(entry, "address"), 1),
                drain != null && drain.bool(),
                weight == null ? 1 : weight.integer(0, TargetConfig.MAX_WEIGHT),
                priority == null ? 0 : priority.integer(0, TargetConfig.MAX_PRIORITY),
                id == null ? null : id.text());
    }

    private static Balance balance(YamlNode node) {
        String text = node.text();
        return switch (text) {
            case "round-robin" -> Balance.ROUND_ROBIN;
            case "least-connections" -> Balance.LEAST_CONNECTIONS;
            case "power-of-two" -> Balance.POWER_OF_TWO;
            case "source-hash" -> Balance.SOURCE_HASH;
            case "maglev" -> Balance.MAGLEV;
            default ->
                throw node.error(
                        text + " (expected: round-robin, least-connections, power-of-two, source-hash or maglev)");
        };
    }

    private static StickyConfig sticky(YamlNode node) {
        if (!node.isMapping()) {
            if (node.text().equals("source")) {
                return StickyConfig.source(null);
            }
            throw node.error(node.text() + " (expected: source, or a mapping with cookie or source)");
        }
        Map<String, YamlNode> entry = node.map(List.of("cookie", "domain", "post-only", "source"), List.of());
        YamlNode source = entry.get("source");
        if (source != null) {
            if (entry.size() > 1) {
                throw source.error("beside other keys (expected: alone, or cookie with domain and post-only)");
            }
            return StickyConfig.source(source.duration(Duration.ofSeconds(1), Duration.ofDays(7)));
        }
        YamlNode domain = entry.get("domain");
        YamlNode postOnly = entry.get("post-only");
        return at(
                node,
                () -> StickyConfig.cookie(node.required(entry, "cookie").text())
                        .withCookie(domain == null ? null : domain.text(), postOnly != null && postOnly.bool()));
    }

    private static boolean failOpen(YamlNode node) {
        return switch (node.text()) {
            case "fail-open" -> true;
            case "fail" -> false;
            default -> throw node.error(node.text() + " (expected: fail-open or fail)");
        };
    }

    private static HealthCheckConfig health(YamlNode node) {
        Map<String, YamlNode> entry = node.map(
                List.of(
                        "type",
                        "path",
                        "port",
                        "host",
                        "interval",
                        "timeout",
                        "rise",
                        "fall",
                        "expect",
                        "panic-threshold"),
                List.of());
        YamlNode typeNode = node.required(entry, "type");
        HealthCheckConfig.Type type = switch (typeNode.text()) {
            case "tcp" -> HealthCheckConfig.Type.TCP;
            case "http" -> HealthCheckConfig.Type.HTTP;
            case "grpc" -> HealthCheckConfig.Type.GRPC;
            default -> throw typeNode.error(typeNode.text() + " (expected: tcp, http or grpc)");
        };
        HealthCheckConfig usual = HealthCheckConfig.of(type);
        for (String key : List.of("path", "expect")) {
            YamlNode other = entry.get(key);
            if (other != null && type != HealthCheckConfig.Type.HTTP) {
                throw other.error("not with type " + typeNode.text() + " (expected: only with http)");
            }
        }
        YamlNode path = entry.get("path");
        YamlNode host = entry.get("host");
        YamlNode expect = entry.get("expect");
        String range = expect == null ? usual.expectFrom() + "-" + usual.expectTo() : expect.text();
        if (expect != null && !range.matches("[1-5]\\d\\d(-[1-5]\\d\\d)?")) {
            throw expect.error(range + " (expected: a status such as 200, or a range such as 200-399)");
        }
        return at(
                node,
                () -> new HealthCheckConfig(
                        type,
                        integer(entry.get("port"), 0, 65_535, usual.port()),
                        path == null ? usual.path() : path.text(),
                        host == null ? null : host.text(),
                        duration(entry.get("interval"), Duration.ofMillis(10), HOUR, usual.interval()),
                        duration(entry.get("timeout"), Duration.ofMillis(10), Duration.ofMinutes(5), usual.timeout()),
                        integer(entry.get("rise"), 1, 100, usual.rise()),
                        integer(entry.get("fall"), 1, 100, usual.fall()),
                        Integer.parseInt(range.substring(0, 3)),
                        Integer.parseInt(range.substring(range.length() - 3)),
                        integer(entry.get("panic-threshold"), 0, 100, usual.panicPercent())));
    }

    private static OutlierConfig outlier(@Nullable YamlNode node) {
        OutlierConfig usual = OutlierConfig.DEFAULTS;
        if (node == null) {
            return usual;
        }
        Map<String, YamlNode> entry = node.map(List.of("failures", "ejection", "max-percent"), List.of());
        return new OutlierConfig(
                integer(entry.get("failures"), 0, 1_000, usual.failures()),
                duration(entry.get("ejection"), Duration.ofMillis(100), HOUR, usual.ejection()),
                integer(entry.get("max-percent"), 0, 100, usual.maxPercent()));
    }

    private static CapacityConfig capacity(@Nullable YamlNode max, @Nullable YamlNode queue, TargetProtocol protocol) {
        CapacityConfig usual = CapacityConfig.UNLIMITED;
        if (queue != null && max == null && protocol == TargetProtocol.HTTP_1_1) {
            throw queue.error("no target is ever full (expected: max-connections or target-protocol: h2 beside it)");
        }
        Map<String, YamlNode> entry = queue == null ? Map.of() : queue.map(List.of("max", "timeout"), List.of());
        return new CapacityConfig(
                integer(max, 0, 1_000_000, usual.maxConnections()),
                integer(entry.get("max"), 0, 1_000_000, usual.maxQueued()),
                duration(entry.get("timeout"), Duration.ofMillis(50), HOUR, usual.queueTimeout()));
    }

    private static RetryConfig retries(@Nullable YamlNode node) {
        RetryConfig usual = RetryConfig.DEFAULTS;
        if (node == null) {
            return usual;
        }
        Map<String, YamlNode> entry = node.map(List.of("budget", "min-per-second", "per-try-timeout"), List.of());
        return new RetryConfig(
                integer(entry.get("budget"), 0, 100, usual.budgetPercent()),
                integer(entry.get("min-per-second"), 0, 1_000_000, usual.minPerSecond()),
                duration(entry.get("per-try-timeout"), Duration.ZERO, HOUR, usual.perTryTimeout()));
    }

    private static int integer(@Nullable YamlNode node, int least, int most, int usual) {
        return node == null ? usual : node.integer(least, most);
    }

    private static Duration duration(@Nullable YamlNode node, Duration least, Duration most, Duration usual) {
        return node == null ? usual : node.duration(least, most);
    }

    /** Names the place of what a record refuses by itself. */
    private static <T> T at(YamlNode node, Supplier<T> make) {
        try {
            return make.get();
        } catch (IllegalArgumentException e) {
            ConfigException error = node.error(String.valueOf(e.getMessage()));
            error.initCause(e);
            throw error;
        }
    }
}
