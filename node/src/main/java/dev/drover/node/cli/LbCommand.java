package dev.drover.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code drover lb}: what the load balancer of this host serves, how its targets do, and how requests ended. */
@Command(name = "lb", description = "Look into the load balancer of the node on this host.")
public final class LbCommand extends ClientGroup {
    private static final long US_PER_MS = 1_000;
    private static final String NONE = "-";

    @Command(
            name = "listeners",
            description = "Ports: what is served there, connections or UDP sessions, how requests ended, datagrams.")
    int listeners(@Mixin AdminOptions options) {
        return show(options, "/lb/listeners", listeners -> {
            List<JsonNode> rows = new ArrayList<>();
            for (JsonNode listener : listeners) {
                ObjectNode row = ApiClient.MAPPER.createObjectNode();
                row.set("name", listener.path("name"));
                row.put("protocol", lower(listener.path("protocol")));
                row.put("address", listener.path("bound").asText(NONE));
                row.put("connections", listener.path("connections").asLong());
                row.put("routes", listener.path("routes").size());
                row.put("targets", listener.path("targets").size());
                row.put("ended", counts(listener.path("ended")));
                row.put("datagrams", datagrams(listener.path("datagrams")));
                row.put("state", state(listener));
                rows.add(row);
            }
            table(
                    rows,
                    "no listeners",
                    "name",
                    "protocol",
                    "address",
                    "connections",
                    "routes",
                    "targets",
                    "ended",
                    "datagrams",
                    "state");
        });
    }

    private static String datagrams(JsonNode passed) {
        if (!passed.isObject()) {
            return NONE;
        }
        String dropped = counts(passed.path("dropped"));
        return passed.path("received").asLong() + " in, " + passed.path("sent").asLong() + " out"
                + (dropped.equals(NONE) ? "" : ", dropped: " + dropped);
    }

    private static String state(JsonNode listener) {
        if (listener.path("removed").asBoolean()) {
            return "removed, draining";
        }
        return listener.path("problem").isTextual() ? listener.path("problem").asText() : "ok";
    }

    @Command(
            name = "targets",
            description = "Targets of all pools: state, work, failures by reason, times as half / 99 of 100 requests.")
    int targets(@Mixin AdminOptions options) {
        return show(options, "/lb/targets", targets -> {
            List<JsonNode> rows = new ArrayList<>();
            for (JsonNode target : targets) {
                ObjectNode row = ApiClient.MAPPER.createObjectNode();
                row.set("pool", target.path("pool"));
                row.set("address", target.path("address"));
                row.put("protocol", target.path("protocol").asText(NONE));
                row.put("state", targetState(target));
                row.put("weight", target.path("weight").asInt());
                row.put("active", target.path("active").asLong());
                row.put("requests", target.path("total").asLong());
                row.put("failures", counts(target.path("failures")));
                for (JsonNode time : target.path("times")) {
                    row.put(time.path("part").asText().replace('_', ' '), times(time));
                }
                rows.add(row);
            }
            table(
                    rows,
                    "no targets",
                    "pool",
                    "address",
                    "protocol",
                    "state",
                    "weight",
                    "active",
                    "requests",
                    "failures",
                    "connect",
                    "first byte",
                    "total");
        });
    }

    private static String targetState(JsonNode target) {
        List<String> parts = new ArrayList<>();
        parts.add(lower(target.path("state")));
        if (!target.path("health").asText().equals("UNCHECKED")) {
            parts.add(lower(target.path("health")));
        }
        switch (target.path("encryption").asText()) {
            case "VERIFIED" -> parts.add("tls");
            case "UNVERIFIED" -> parts.add("tls NOT VERIFIED");
            default -> {}
        }
        if (target.path("backingOff").asBoolean()) {
            parts.add("rests: connects failed");
        }
        if (target.path("ejected").asBoolean()) {
            parts.add("rests: answers failed");
        }
        return String.join(", ", parts);
    }

    private static String times(JsonNode time) {
        return time.path("count").asLong() == 0
                ? NONE
                : ms(time.path("p50Us").asLong()) + " / "
                        + ms(time.path("p99Us").asLong());
    }

    /** Which requests are shown. */
    static final class Kind {
        @Option(names = "--slow", description = "The last that took longer than their listener's 'slow'.")
        boolean slow;

        @Option(names = "--failed", description = "The last that did not get what they asked for.")
        boolean failed;
    }

    @Command(name = "requests", description = "Requests that ended last, the newest first: where their time went.")
    int requests(
            @Mixin AdminOptions options,
            @ArgGroup(exclusive = true) @Nullable Kind kind,
            @Option(
                            names = "--limit",
                            paramLabel = "N",
                            defaultValue = "20",
                            description = "At most so many; default: 20.")
                    int limit) {
        String which = kind == null ? "recent" : kind.slow ? "slow" : "failed";
        return show(options, "/lb/requests?kind=" + which + "&limit=" + limit, requests -> {
            List<JsonNode> rows = new ArrayList<>();
            for (JsonNode request : requests) {
                ObjectNode row = ApiClient.MAPPER.createObjectNode();
                row.set("time", request.path("time"));
                row.set("listener", request.path("listener"));
                row.set("client", request.path("client"));
                row.put("request", line(request));
                row.put("status", request.path("status").asInt());
                row.set("outcome", request.path("outcome"));
                row.put("target", request.path("upstream").asText(NONE));
                row.put("attempts", request.path("attempts").asInt());
                row.put("queue", ms(request.path("queueUs").asLong()));
                row.put(
                        "connect",
                        request.path("reused").asBoolean()
                                ? "reused"
                                : ms(request.path("connectUs").asLong()));
                row.put("first byte", ms(request.path("firstByteUs").asLong()));
                row.put("total", ms(request.path("totalUs").asLong()));
                row.put("trace", request.path("traceId").asText(NONE));
                rows.add(row);
            }
            table(
                    rows,
                    "no such requests",
                    "time",
                    "listener",
                    "client",
                    "request",
                    "status",
                    "outcome",
                    "target",
                    "attempts",
                    "queue",
                    "connect",
                    "first byte",
                    "total",
                    "trace");
        });
    }

    private static String line(JsonNode request) {
        if (!request.path("method").isTextual()) {
            return request.path("protocol").asText();
        }
        return request.path("method").asText() + " "
                + request.path("host").asText("")
                + request.path("target").asText("");
    }

    private static String counts(JsonNode byReason) {
        List<String> parts = new ArrayList<>();
        byReason.properties().forEach(entry -> {
            if (entry.getValue().asLong() > 0) {
                parts.add(entry.getKey() + " " + entry.getValue().asLong());
            }
        });
        return parts.isEmpty() ? NONE : String.join(", ", parts);
    }

    private static String lower(JsonNode name) {
        return name.asText().toLowerCase(Locale.ROOT);
    }

    private static String ms(long us) {
        return String.format(Locale.ROOT, "%.1f ms", (double) us / US_PER_MS);
    }
}
