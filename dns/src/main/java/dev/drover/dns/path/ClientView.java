package dev.drover.dns.path;

import java.util.List;

/** How some clients see the names. Immutable but for the turn of each rotation. */
final class ClientView {
    final String name;
    /** Names of its own, relative to the zone. */
    final NameIndex own;
    /** Domains relative to the zone, most specific first, in the form of {@link LabelBytes}. */
    final byte[][] search;

    final int[] searchLabels;

    ClientView(String name, NameIndex own, List<String> search) {
        this.name = name;
        this.own = own;
        this.search = search.stream().map(LabelBytes::of).toArray(byte[][]::new);
        searchLabels = new int[this.search.length];
        for (int i = 0; i < searchLabels.length; i++) {
            searchLabels[i] = LabelBytes.count(this.search[i]);
        }
    }
}
