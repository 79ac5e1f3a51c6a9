package dev.drover.lb.path;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The rules for request heads (RFC 9112 sections 2 to 6, RFC 9110 section 7) once more, slow and by other means than
 * {@link RequestHead}: lines are split, matched as a whole and looked up by name.
 *
 * @param target as it goes on: an absolute one without scheme and authority
 * @param host null when nothing names one
 * @param length of the body, -1 when no field tells it
 */
record ReferenceHead(
        String method,
        String target,
        @Nullable String host,
        boolean http10,
        boolean keepAlive,
        boolean chunked,
        long length,
        boolean expectContinue,
        boolean upgrade) {
    private static final String TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]";
    private static final Pattern LINE = Pattern.compile("(" + TOKEN + "{1,32}) ([!\"$-~]+) HTTP/1\\.([01])");
    private static final Pattern ABSOLUTE = Pattern.compile("(?i)https?://([^/?]+)(.*)");
    private static final Pattern AUTHORITY =
            Pattern.compile("(\\[[0-9A-Fa-f:.]*]|[A-Za-z0-9._~%!$&'()*+;=-]*)(:[0-9]*)?");
    private static final Pattern FIELD = Pattern.compile("(" + TOKEN + "+):[ \t]*([\t\\x20-\\x7e\\x80-\\xff]*?)[ \t]*");
    private static final Pattern OPTION = Pattern.compile("[ \t]*(" + TOKEN + "*)[ \t]*");
    private static final List<String> NEVER_LISTED = List.of("host", "content-length", "transfer-encoding");
    private static final List<String> OWN_OPTIONS = List.of("close", "keep-alive", "upgrade");
    private static final int MAX_OPTIONS = 16;

    /** Null when the head must be refused. */
    static @Nullable ReferenceHead read(String head) {
        if (!head.endsWith("\r\n\r\n")) {
            return null;
        }
        String[] lines = head.substring(0, head.length() - 4).split("\r\n", -1);
        Matcher line = LINE.matcher(lines[0]);
        List<Map.Entry<String, String>> fields = new ArrayList<>();
        for (String text : Arrays.asList(lines).subList(1, lines.length)) {
            Matcher field = FIELD.matcher(text);
            if (!field.matches()) {
                return null;
            }
            fields.add(Map.entry(field.group(1).toLowerCase(Locale.ROOT), field.group(2)));
        }
        if (!line.matches() || line.group(1).equals("CONNECT")) {
            return null;
        }
        List<String> options = new ArrayList<>();
        for (String value : values(fields, "connection")) {
            for (String item : value.split(",")) {
                Matcher option = OPTION.matcher(item);
                if (!option.matches()) {
                    return null;
                }
                options.add(option.group(1).toLowerCase(Locale.ROOT));
            }
        }
        boolean tooMany = options.stream()
                        .filter(option -> !option.isEmpty() && !OWN_OPTIONS.contains(option))
                        .count()
                > MAX_OPTIONS;
        if (tooMany || options.stream().anyMatch(NEVER_LISTED::contains)) {
            return null;
        }
        return meaning(line, fields, options);
    }

    private static @Nullable ReferenceHead meaning(
            Matcher line, List<Map.Entry<String, String>> fields, List<String> options) {
        String method = line.group(1);
        String target = line.group(2);
        boolean http10 = line.group(3).equals("0");
        List<String> hosts = values(fields, "host");
        List<String> lengths = values(fields, "content-length");
        List<String> codings = values(fields, "transfer-encoding");
        List<String> expectations = values(fields, "expect");
        boolean hostValid = hosts.size() <= 1
                && (http10 || hosts.size() == 1)
                && hosts.stream().allMatch(host -> AUTHORITY.matcher(host).matches());
        boolean framed = lengths.size() + codings.size() <= 1
                && lengths.stream().allMatch(length -> length.matches("[0-9]{1,18}"))
                && codings.stream().allMatch(coding -> !http10 && coding.equalsIgnoreCase("chunked"));
        if (!hostValid || !framed || !expectations.stream().allMatch("100-continue"::equalsIgnoreCase)) {
            return null;
        }
        String host = hosts.isEmpty() ? null : hosts.getFirst();
        Matcher absolute = ABSOLUTE.matcher(target);
        if (absolute.matches()) {
            host = absolute.group(1);
            target = absolute.group(2);
            if (!AUTHORITY.matcher(host).matches()) {
                return null;
            }
        } else if (!target.startsWith("/") && !(target.equals("*") && method.equals("OPTIONS"))) {
            return null;
        }
        long length = lengths.isEmpty() ? -1 : Long.parseLong(lengths.getFirst());
        List<String> protocols = values(fields, "upgrade");
        boolean h2c = protocols.stream()
                .flatMap(value -> Arrays.stream(value.split(",")))
                .anyMatch(item -> item.matches("(?i)[ \t]*h2c([ \t;].*)?"));
        return new ReferenceHead(
                method,
                target,
                host,
                http10,
                !options.contains("close") && (!http10 || options.contains("keep-alive")),
                !codings.isEmpty(),
                length,
                !http10 && !expectations.isEmpty(),
                !protocols.isEmpty()
                        && options.contains("upgrade")
                        && !http10
                        && !h2c
                        && method.equals("GET")
                        && codings.isEmpty()
                        && length <= 0);
    }

    private static List<String> values(List<Map.Entry<String, String>> fields, String name) {
        return fields.stream()
                .filter(field -> field.getKey().equals(name))
                .map(Map.Entry::getValue)
                .toList();
    }
}
