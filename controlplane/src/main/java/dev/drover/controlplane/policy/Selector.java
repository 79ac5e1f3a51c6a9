package dev.drover.controlplane.policy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Selects containers or services by their labels: terms with commas between, all of which have to hold. Terms as in Rancher's service
 * selectors: {@code key = value}, {@code key != value}, {@code key in (a, b)}, {@code key notin (a, b)}, {@code key}.
 */
public final class Selector {
    private static final int MAX_LENGTH = 512;
    private static final String WORD = "[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}";
    private static final Pattern HAS = Pattern.compile(WORD);
    private static final Pattern EQUALS = Pattern.compile("(" + WORD + ")\\s*(!?=)\\s*(" + WORD + ")");
    private static final Pattern AMONG =
            Pattern.compile("(" + WORD + ")\\s+(in|notin)\\s*\\(\\s*(" + WORD + "(?:\\s*,\\s*" + WORD + ")*)\\s*\\)");
    private static final Pattern COMMA = Pattern.compile("\\s*,\\s*");

    private final List<Term> terms;

    private Selector(List<Term> terms) {
        this.terms = terms;
    }

    /** @param values what the label is compared with; empty: any value */
    private record Term(String key, boolean wanted, Set<String> values) {
        boolean holds(Map<String, String> labels) {
            String value = labels.get(key);
            return wanted == (value != null && (values.isEmpty() || values.contains(value)));
        }
    }

    /** @throws IllegalArgumentException {@code TEXT (expected: …)} */
    public static Selector parse(String text) {
        if (text.length() > MAX_LENGTH) {
            throw new IllegalArgumentException(text.length() + " characters (expected: at most " + MAX_LENGTH + ")");
        }
        List<Term> terms = new ArrayList<>();
        for (String part : split(text)) {
            terms.add(term(part.strip(), text));
        }
        return new Selector(terms);
    }

    /** At commas outside of parentheses. */
    private static List<String> split(String text) {
        List<String> parts = new ArrayList<>();
        int depth = 0;
        int start = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            if (c == ',' && depth == 0) {
                parts.add(text.substring(start, i));
                start = i + 1;
            }
        }
        parts.add(text.substring(start));
        return parts;
    }

    private static Term term(String text, String whole) {
        Matcher equals = EQUALS.matcher(text);
        if (equals.matches()) {
            return new Term(equals.group(1), equals.group(2).equals("="), Set.of(equals.group(3)));
        }
        Matcher among = AMONG.matcher(text);
        if (among.matches()) {
            Set<String> values = Set.copyOf(List.of(COMMA.split(among.group(3))));
            return new Term(among.group(1), among.group(2).equals("in"), values);
        }
        if (HAS.matcher(text).matches()) {
            return new Term(text, true, Set.of());
        }
        throw new IllegalArgumentException(
                whole + " (expected: KEY = VALUE, KEY != VALUE, KEY in (A, B), KEY notin (A, B) or KEY, with commas)");
    }

    public boolean selects(Map<String, String> labels) {
        return terms.stream().allMatch(term -> term.holds(labels));
    }
}
