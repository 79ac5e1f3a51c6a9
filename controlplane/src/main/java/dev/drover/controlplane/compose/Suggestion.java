package dev.drover.controlplane.compose;

import java.util.Collection;
import java.util.Locale;

/** Finds the key a user probably meant. */
final class Suggestion {
    private static final int MAX_DISTANCE = 2;

    private Suggestion() {}

    /** @return {@code " (did you mean KEY?)"}, or nothing when no known key is close */
    static String of(String typed, Collection<String> known) {
        String best = "";
        int bestDistance = MAX_DISTANCE + 1;
        String lower = typed.toLowerCase(Locale.ROOT).replace('-', '_');
        for (String key : known) {
            if (Math.abs(key.length() - lower.length()) > MAX_DISTANCE) {
                continue;
            }
            int distance = distance(lower, key);
            if (distance < bestDistance && distance < key.length()) {
                best = key;
                bestDistance = distance;
            }
        }
        return best.isEmpty() ? "" : " (did you mean " + best + "?)";
    }

    /** Levenshtein distance in which swapping two neighbours counts as one step. */
    private static int distance(String a, String b) {
        int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            d[i][0] = i;
        }
        for (int j = 0; j <= b.length(); j++) {
            d[0][j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            for (int j = 1; j <= b.length(); j++) {
                int cost = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
                d[i][j] = Math.min(Math.min(d[i - 1][j] + 1, d[i][j - 1] + 1), d[i - 1][j - 1] + cost);
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
