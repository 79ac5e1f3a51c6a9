package dev.drover.node.metadata;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Dump;
import org.snakeyaml.engine.v2.api.DumpSettings;
import org.snakeyaml.engine.v2.common.FlowStyle;

/** How an answer is written. */
enum Format {
    /** A value as it is, a map as a listing of its keys, a list as a listing of positions and names. */
    TEXT("text/plain; charset=utf-8", "text/plain"),
    JSON("application/json", "application/json"),
    YAML("application/yaml; charset=utf-8", "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml");

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final int MAX_RANGES = 16;

    private final String contentType;

    @SuppressWarnings("ImmutableEnumChecker") // made by List.of
    private final List<String> types;

    Format(String contentType, String... types) {
        this.contentType = contentType;
        this.types = List.of(types);
    }

    String contentType() {
        return contentType;
    }

    /** The best by an Accept field (RFC 9110 12.5.1); text for a client that does not care, or wants something else. */
    static Format of(@Nullable String accept) {
        Format best = TEXT;
        double bestQuality = 0;
        int bestExactness = -1;
        String[] ranges = accept == null ? new String[0] : accept.split(",", MAX_RANGES + 1);
        for (Format format : values()) {
            for (int i = 0; i < Math.min(ranges.length, MAX_RANGES); i++) {
                String[] parts = ranges[i].split(";", -1);
                int exactness = format.exactness(parts[0].strip().toLowerCase(Locale.ROOT));
                double quality = exactness < 0 ? 0 : quality(parts);
                if (quality > bestQuality || (quality > 0 && quality == bestQuality && exactness > bestExactness)) {
                    best = format;
                    bestQuality = quality;
                    bestExactness = exactness;
                }
            }
        }
        return best;
    }

    /** 2 for the type itself, 1 for all of its kind, 0 for anything, -1 for another. */
    private int exactness(String range) {
        if (types.contains(range)) {
            return 2;
        }
        if (range.endsWith("/*") && types.getFirst().startsWith(range.substring(0, range.length() - 1))) {
            return 1;
        }
        return range.equals("*/*") ? 0 : -1;
    }

    private static double quality(String[] parts) {
        for (int i = 1; i < parts.length; i++) {
            String parameter = parts[i].strip().toLowerCase(Locale.ROOT);
            if (parameter.startsWith("q=")) {
                try {
                    double quality = Double.parseDouble(parameter.substring(2));
                    return quality >= 0 && quality <= 1 ? quality : 0;
                } catch (NumberFormatException e) {
                    return 0;
                }
            }
        }
        return 1;
    }

    /** Writes a value of a {@link Tree}. */
    byte[] write(@Nullable Object value) {
        return (switch (this) {
                    case TEXT -> text(value);
                    case JSON -> json(Tree.whole(value));
                    case YAML -> yaml(Tree.whole(value));
                })
                .getBytes(StandardCharsets.UTF_8);
    }

    private static String json(@Nullable Object value) {
        try {
            return MAPPER.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("metadata: not to be written: " + e.getOriginalMessage(), e);
        }
    }

    private static String yaml(@Nullable Object value) {
        return new Dump(DumpSettings.builder()
                        .setDefaultFlowStyle(FlowStyle.BLOCK)
                        .setDereferenceAliases(true)
                        .build())
                .dumpToString(value);
    }

    private static String text(@Nullable Object value) {
        return switch (value) {
            case null -> "";
            case Tree.Branch branch -> {
                TreeSet<String> lines = new TreeSet<>();
                branch.children().forEach((key, child) -> lines.add(entry(key, child.get())));
                yield lines(lines);
            }
            case Map<?, ?> map -> {
                TreeSet<String> lines = new TreeSet<>();
                map.forEach((key, child) -> lines.add(entry(String.valueOf(key), child)));
                yield lines(lines);
            }
            case Tree.Listing<?> listing -> listing(listing.all());
            case List<?> list -> listing(list);
            default -> String.valueOf(value);
        };
    }

    private static String listing(List<?> list) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < list.size(); i++) {
            Object name = list.get(i) instanceof Map<?, ?> map ? Tree.name(map) : null;
            text.append(name == null ? entry(String.valueOf(i), list.get(i)) : i + "=" + escaped(String.valueOf(name)))
                    .append('\n');
        }
        return text.toString();
    }

    private static String entry(String key, @Nullable Object child) {
        boolean leadsOn = child instanceof Map
                || child instanceof List
                || child instanceof Tree.Branch
                || child instanceof Tree.Listing;
        return escaped(key) + (leadsOn ? "/" : "");
    }

    private static String escaped(String key) {
        return URLEncoder.encode(key, StandardCharsets.UTF_8);
    }

    private static String lines(Set<String> lines) {
        return lines.isEmpty() ? "" : String.join("\n", lines) + "\n";
    }
}
