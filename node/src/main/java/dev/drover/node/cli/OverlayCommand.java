package dev.drover.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code drover overlay}: what the node of this host does with packets, and why. */
@Command(
        name = "overlay",
        description = "Look into the overlay of the node on this host.",
        subcommands = {OverlayKeygenCommand.class, OverlayCaptureCommand.class})
public final class OverlayCommand extends ClientGroup {
    private static final long WATCH_PERIOD_S = 1;

    @Command(
            name = "peers",
            description = "Other tunnel endpoints: what is behind them, how they are reached, counters.")
    int peers(@Mixin AdminOptions options) {
        return show(options, "/overlay/peers", peers -> {
            List<JsonNode> rows = new ArrayList<>();
            for (JsonNode peer : peers) {
                ObjectNode row = rowOf(peer, "vtep");
                row.put("kind", peer.path("learns").asBoolean() ? "foreign" : "configured");
                row.put("subnets", joined(peer.path("subnets")));
                row.put("super", peer.path("superFrames").asBoolean() ? "yes" : "no");
                row.put("tx packets", peer.path("txPackets").asLong());
                row.put("tx bytes", peer.path("txBytes").asLong());
                row.put("rx packets", peer.path("rxPackets").asLong());
                row.put("rx bytes", peer.path("rxBytes").asLong());
                row.put("heard", ago(peer.path("silentMs"), "never"));
                JsonNode path = peer.path("path");
                row.put("path", path.isObject() ? path.path("answers").asBoolean() ? "answers" : "silent" : "-");
                row.put("path mtu", path.path("mtu").asText("-"));
                row.put("checksums", peer.path("remoteChecksum").asBoolean() ? "left" : "sent");
                row.put("encryption", encryption(peer.path("session")));
                row.put("why not super", peer.path("obstacle").asText("-"));
                rows.add(row);
            }
            Output.table(
                    out(),
                    rows,
                    "vtep",
                    "kind",
                    "subnets",
                    "super",
                    "tx packets",
                    "tx bytes",
                    "rx packets",
                    "rx bytes",
                    "heard",
                    "path",
                    "path mtu",
                    "checksums",
                    "encryption",
                    "why not super");
        });
    }

    private static String encryption(JsonNode session) {
        if (!session.isObject()) {
            return "none";
        }
        String now = switch (session.path("state").asText()) {
            case "ESTABLISHED" -> "handshake " + ago(session.path("keyAgeMs"), "-");
            case "HANDSHAKE" -> "no session, " + session.path("attempts").asLong() + " handshakes unanswered";
            default -> "no session";
        };
        long plaintext = session.path("plaintextPackets").asLong();
        return now
                + (session.path("refusal").isTextual()
                        ? "; refused " + ago(session.path("refusedMs"), "-") + ": "
                                + session.path("refusal").asText()
                        : "")
                + (plaintext == 0 ? "" : "; " + plaintext + " plaintext packets refused");
    }

    @Command(name = "fdb", description = "MAC addresses: behind which peer or port, and who said so.")
    int fdb(@Mixin AdminOptions options) {
        return show(options, "/overlay/fdb", entries -> {
            List<JsonNode> rows = new ArrayList<>();
            for (JsonNode entry : entries) {
                ObjectNode row = rowOf(entry, "mac", "address");
                JsonNode peer = entry.path("vtep");
                row.put("peer", peer.isNull() ? "-" : peer.asText());
                row.set("port", entry.path("port"));
                row.put("known", entry.path("known").asText().toLowerCase(Locale.ROOT));
                row.set("revision", entry.path("revision"));
                row.put("age", ago(entry.path("ageMs"), "-"));
                rows.add(row);
            }
            Output.table(out(), rows, "mac", "address", "peer", "port", "known", "revision", "age");
        });
    }

    @Command(
            name = "flows",
            description = "Which containers speak with which through this host's tunnel, estimated from samples.")
    int flows(@Mixin AdminOptions options) {
        return show(options, "/overlay/flows", flows -> {
            List<JsonNode> rows = new ArrayList<>();
            for (JsonNode flow : flows) {
                ObjectNode row = rowOf(flow, "source", "destination");
                row.put("direction", flow.path("direction").asText().toLowerCase(Locale.ROOT));
                row.put("peer", flow.path("vtep").asText("-"));
                row.put("packets", "~" + flow.path("packets").asLong());
                row.put("bytes", "~" + flow.path("bytes").asLong());
                row.put("verdict", verdictOf(flow));
                row.set("samples", flow.path("samples"));
                row.put("last", ago(flow.path("lastMs"), "-"));
                rows.add(row);
            }
            table(
                    rows,
                    "no flows",
                    "source",
                    "destination",
                    "direction",
                    "peer",
                    "packets",
                    "bytes",
                    "verdict",
                    "samples",
                    "last");
        });
    }

    private static String verdictOf(JsonNode flow) {
        long dropped = flow.path("droppedPackets").asLong();
        return dropped == 0
                ? "passed"
                : "~" + dropped + " dropped, the last "
                        + flow.path("drop").asText().toLowerCase(Locale.ROOT);
    }

    @Command(name = "drops", description = "Frames that were not passed on: how many, what that means, what to do.")
    int drops(
            @Mixin AdminOptions options,
            @Option(names = "--all", description = "Also reasons that have not happened.") boolean all,
            @Option(names = "--watch", description = "Print what grew, each second, until interrupted.")
                    boolean watch) {
        if (watch) {
            return watchDrops(options);
        }
        return show(options, "/overlay/drops", drops -> {
            List<JsonNode> rows = new ArrayList<>();
            drops.forEach(drop -> {
                if (all || drop.path("count").asLong() > 0) {
                    rows.add(drop);
                }
            });
            table(rows, "no drops", "reason", "count", "meaning", "advice");
        });
    }

    /** One line, or one JSON object, for each reason that grew. */
    private int watchDrops(AdminOptions options) {
        try (AdminClient client = options.client()) {
            Map<String, Long> before = new HashMap<>();
            client.get("/overlay/drops").forEach(drop -> grown(before, drop));
            while (true) {
                TimeUnit.SECONDS.sleep(WATCH_PERIOD_S);
                for (JsonNode drop : client.get("/overlay/drops")) {
                    long grown = grown(before, drop);
                    if (grown > 0) {
                        say(
                                options.json
                                        ? growth(drop, grown)
                                        : "+" + grown + " "
                                                + drop.path("reason").asText() + ": "
                                                + drop.path("meaning").asText());
                    }
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return 0;
        }
    }

    private static String growth(JsonNode drop, long grown) {
        ObjectNode row = rowOf(drop, "reason", "count");
        return row.put("grown", grown).toString();
    }

    /** A node that was started anew counts from zero. */
    private static long grown(Map<String, Long> before, JsonNode drop) {
        long count = drop.path("count").asLong();
        Long last = before.put(drop.path("reason").asText(), count);
        return last == null ? 0 : count < last ? count : count - last;
    }

    @Command(
            name = "trace",
            description = "What this host would do now with a packet for an address of the overlay, step by step.")
    int trace(
            @Mixin AdminOptions options,
            @Parameters(paramLabel = "ADDRESS", description = "Destination, IPv4.") String address,
            @Option(
                            names = "--from",
                            paramLabel = "ADDRESS",
                            description = "Sender, IPv4; default: this host's own address.")
                    @Nullable
                    String from) {
        String path = "/overlay/trace?address=" + encoded(address) + (from == null ? "" : "&from=" + encoded(from));
        return show(options, path, trace -> {
            ArrayNode rows = ApiClient.MAPPER.createArrayNode();
            trace.path("steps").forEach(rows::add);
            JsonNode policy = trace.path("policy");
            if (policy.isObject()) {
                rows.addObject()
                        .put("what", "policy")
                        .put("finding", policy.path("reason").asText());
            }
            rows.addObject().put("what", "verdict").put("finding", verdict(trace));
            List<JsonNode> steps = new ArrayList<>();
            rows.forEach(row -> steps.add(ApiClient.MAPPER
                    .createObjectNode()
                    .put("step", row.path("what").asText())
                    .put("finding", row.path("finding").asText())));
            Output.table(out(), steps, "step", "finding");
        });
    }

    private static String verdict(JsonNode trace) {
        JsonNode policy = trace.path("policy");
        boolean arrives = trace.path("verdict").asText().matches("LOCAL|SENT|FLOODED");
        return way(trace)
                + (!arrives || !policy.isObject() || policy.path("allowed").asBoolean()
                        ? ""
                        : ", dropped at the container's port: policy_denied"
                                + (policy.path("answers").asBoolean() ? " unless it is an answer" : ""));
    }

    private static String way(JsonNode trace) {
        String address = trace.path("address").asText();
        String receivers = joined(trace.path("vteps"));
        return switch (trace.path("verdict").asText()) {
            case "LOCAL" -> address + " is on this host";
            case "SENT" -> "sent to peer " + receivers;
            case "FLOODED" -> "copied to " + receivers;
            case "ROUTED" -> "routed by this host, not part of the overlay";
            default -> "dropped, " + trace.path("drop").asText().toLowerCase(Locale.ROOT);
        };
    }

    private static ObjectNode rowOf(JsonNode from, String... fields) {
        ObjectNode row = ApiClient.MAPPER.createObjectNode();
        for (String field : fields) {
            row.set(field, from.path(field));
        }
        return row;
    }

    private static String joined(JsonNode array) {
        List<String> parts = new ArrayList<>();
        array.forEach(part -> parts.add(part.asText()));
        return parts.isEmpty() ? "-" : String.join(", ", parts);
    }

    private static String ago(JsonNode ms, String absent) {
        return ms.isNumber() ? TimeUnit.MILLISECONDS.toSeconds(ms.asLong()) + " s ago" : absent;
    }
}
