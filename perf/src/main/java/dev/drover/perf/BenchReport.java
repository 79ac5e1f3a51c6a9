package dev.drover.perf;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Rows of one benchmark: medians of both sides, the median of the per-round ratios, and its spread. */
final class BenchReport {
    /**
     * @param better whether a larger value is better, for the reader
     * @param ratio median over rounds of drover/peer; NaN when they cannot be compared
     */
    record Row(
            String name,
            double drover,
            double peer,
            String unit,
            double ratio,
            double ratioMin,
            double ratioMax,
            Better better) {
        String ratios() {
            return Double.isNaN(ratio)
                    ? String.format(Locale.ROOT, "%7s  %s", "-", "-")
                    : String.format(Locale.ROOT, "%6.2fx  %.2f..%.2f", ratio, ratioMin, ratioMax);
        }
    }

    enum Better {
        HIGHER,
        LOWER
    }

    private final String name;
    private final String peerName;
    private final Map<String, Object> conditions;
    private final List<Row> rows = new ArrayList<>();

    BenchReport(String name, String peerName, Map<String, Object> conditions) {
        this.name = name;
        this.peerName = peerName;
        this.conditions = conditions;
    }

    /**
     * Adds a case; the two lists hold one value a round, taken right after each other. Values that are not above zero, as
     * of what had happened before the moment it is counted from, have no ratio.
     */
    Row add(String caseName, List<Double> drover, List<Double> peer, String unit, Better better) {
        boolean comparable = Stream.concat(drover.stream(), peer.stream()).allMatch(value -> value > 0);
        List<Double> ratios = new ArrayList<>();
        for (int i = 0; i < drover.size(); i++) {
            ratios.add(comparable ? drover.get(i) / peer.get(i) : Double.NaN);
        }
        ratios.sort(Double::compare);
        Row row = new Row(
                caseName,
                median(drover),
                median(peer),
                unit,
                median(ratios),
                ratios.getFirst(),
                ratios.getLast(),
                better);
        rows.add(row);
        return row;
    }

    static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    String table() {
        StringBuilder out = new StringBuilder();
        out.append(String.format(
                Locale.ROOT, "%-72s %10s %10s  %-8s %7s  %s%n", "case", "drover", "peer", "unit", "ratio", "min..max"));
        for (Row row : rows) {
            out.append(String.format(
                    Locale.ROOT,
                    "%-72s %10.2f %10.2f  %-8s %s (%s is better)%n",
                    row.name,
                    row.drover,
                    row.peer,
                    row.unit,
                    row.ratios(),
                    row.better.name().toLowerCase(Locale.ROOT)));
        }
        return out.toString();
    }

    /** JSON has no NaN. */
    private static @Nullable Double orNull(double ratio) {
        return Double.isNaN(ratio) ? null : ratio;
    }

    void writeJson(Path file) throws IOException {
        List<Map<String, @Nullable Object>> json = new ArrayList<>();
        for (Row row : rows) {
            Map<String, @Nullable Object> object = new LinkedHashMap<>();
            object.put("case", row.name);
            object.put("drover", row.drover);
            object.put("peer", row.peer);
            object.put("unit", row.unit);
            object.put("ratio", orNull(row.ratio));
            object.put("ratioMin", orNull(row.ratioMin));
            object.put("ratioMax", orNull(row.ratioMax));
            object.put("better", row.better.name().toLowerCase(Locale.ROOT));
            json.add(object);
        }
        Map<String, Object> document = new LinkedHashMap<>();
        document.put("name", name);
        document.put("peer", peerName);
        document.put("conditions", conditions);
        document.put("rows", json);
        Files.writeString(
                file,
                new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsString(document) + "\n");
    }
}
