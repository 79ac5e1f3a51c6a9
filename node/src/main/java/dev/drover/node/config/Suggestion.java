package dev.drover.node.config;

import java.util.Collection;
import org.jspecify.annotations.Nullable;

/** What a misspelt word may have meant. */
final class Suggestion {
    private static final int MOST_EDITS = 2;

    private Suggestion() {}

    /** The known word at most two edits away, null when none is. */
    static @Nullable String nearest(String word, Collection<String> known) {
        String best = null;
        int bestEdits = MOST_EDITS + 1;
        for (String candidate : known) {
            int edits = edits(word, candidate);
            if (edits < bestEdits && edits < candidate.length()) {
                best = candidate;
                bestEdits = edits;
            }
        }
        return best;
    }

    /** Levenshtein distance. */
    private static int edits(String a, String b) {
        int[] previous = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            previous[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int[] current = new int[b.length() + 1];
            current[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int substitution = previous[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                current[j] = Math.min(substitution, Math.min(previous[j], current[j - 1]) + 1);
            }
            previous = current;
        }
        return previous[b.length()];
    }
}
