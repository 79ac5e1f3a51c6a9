package dev.drover.node.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Tables and JSON on standard output. */
final class Output {
    private static final String GAP = "   ";

    private Output() {}

    static void json(PrintWriter out, JsonNode node) {
        try {
            out.println(ApiClient.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(node));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e); // a tree can always be written
        }
        out.flush();
    }

    /** @param columns field of each item, a dotted path; the last part is the heading */
    static void table(PrintWriter out, Iterable<JsonNode> items, String... columns) {
        List<String[]> rows = new ArrayList<>();
        String[] headings = new String[columns.length];
        for (int i = 0; i < columns.length; i++) {
            headings[i] = columns[i].substring(columns[i].lastIndexOf('.') + 1).toUpperCase(Locale.ROOT);
        }
        rows.add(headings);
        for (JsonNode item : items) {
            String[] row = new String[columns.length];
            for (int i = 0; i < columns.length; i++) {
                row[i] = cell(item.at("/" + columns[i].replace('.', '/')));
            }
            rows.add(row);
        }
        print(out, rows);
    }

    private static String cell(JsonNode value) {
        if (value.isMissingNode() || value.isNull()) {
            return "-";
        }
        if (value.isArray()) {
            return value.size() + "";
        }
        return value.isObject() ? value.toString() : value.asText();
    }

    private static void print(PrintWriter out, List<String[]> rows) {
        int columns = rows.getFirst().length;
        int[] widths = new int[columns];
        for (String[] row : rows) {
            for (int i = 0; i < columns; i++) {
                widths[i] = Math.max(widths[i], row[i].length());
            }
        }
        for (String[] row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < columns; i++) {
                line.append(row[i]).repeat(' ', widths[i] - row[i].length()).append(GAP);
            }
            out.println(line.toString().stripTrailing());
        }
        out.flush();
    }
}
