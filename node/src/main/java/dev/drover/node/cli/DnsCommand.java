package dev.drover.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code drover dns}: what the node of this host answers to names, and why. */
@Command(name = "dns", description = "Look into the names of the node on this host.")
public final class DnsCommand extends ClientGroup {

    @Command(
            name = "lookup",
            description =
                    "What this host would answer now to a question, which rule says so, and how its client sees names.")
    int lookup(
            @Mixin AdminOptions options,
            @Parameters(paramLabel = "NAME", description = "Name as a client asks for it.") String name,
            @Option(names = "--type", paramLabel = "T", description = "Record type; default: A.") @Nullable String type,
            @Option(
                            names = "--as",
                            paramLabel = "CONTAINER|ADDRESS",
                            description = "Client that asks; default: one that sees what everybody sees.")
                    @Nullable
                    String as) {
        String path = "/dns/lookup?name=" + encoded(name)
                + (type == null ? "" : "&type=" + encoded(type))
                + (as == null ? "" : "&as=" + encoded(as));
        return show(options, path, told -> Output.table(out(), rows(told), "step", "finding"));
    }

    private static List<JsonNode> rows(JsonNode told) {
        ArrayNode rows = ApiClient.MAPPER.createArrayNode();
        row(
                rows,
                "question",
                told.path("name").asText() + " " + told.path("type").asText());
        row(
                rows,
                "client",
                told.path("as").asText() + ", view "
                        + (told.path("view").isNull()
                                ? "of everybody"
                                : told.path("view").asText()));
        row(
                rows,
                "rule",
                told.path("rule").asText() + ": " + told.path("meaning").asText());
        if (!told.path("found").isNull()) {
            row(rows, "found", told.path("found").asText());
        }
        for (String section : List.of("answer", "authority", "additional")) {
            told.path(section).forEach(record -> row(rows, section, record.asText()));
        }
        if (!told.path("upstream").isNull()) {
            List<String> upstreams = new ArrayList<>();
            told.path("upstreams").forEach(upstream -> upstreams.add(upstream.asText()));
            row(
                    rows,
                    "upstream",
                    upstreams.isEmpty()
                            ? "none to ask for " + told.path("upstream").asText()
                            : told.path("upstream").asText() + " from " + String.join(", ", upstreams));
        }
        row(rows, "verdict", verdict(told));
        List<JsonNode> list = new ArrayList<>();
        rows.forEach(list::add);
        return list;
    }

    private static String verdict(JsonNode told) {
        if (told.path("rcode").isNull()) {
            return told.path("upstreams").isEmpty() ? "no such name" : "what the upstream says";
        }
        String rcode = told.path("rcode").asText();
        return switch (rcode) {
            case "NOERROR" ->
                told.path("answer").isEmpty()
                        ? "the name exists, without " + told.path("type").asText() + " records"
                        : "answered";
            case "NXDOMAIN" -> "no such name";
            default -> rcode.toLowerCase(Locale.ROOT);
        };
    }

    private static void row(ArrayNode rows, String step, String finding) {
        rows.addObject().put("step", step).put("finding", finding);
    }
}
