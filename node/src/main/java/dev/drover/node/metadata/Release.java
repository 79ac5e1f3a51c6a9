package dev.drover.node.metadata;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The versions of the interface that containers of Rancher 1.x ask for. */
enum Release {
    /** Services name their containers, stacks their services. */
    V2015_07_25("2015-07-25"),
    /** Services and stacks hold what they are made of. */
    V2015_12_19("2015-12-19"),
    /** Ports are told as published on every address of the host. */
    V2016_07_29("2016-07-29");

    static final String LATEST = "latest";

    private final String text;

    Release(String text) {
        this.text = text;
    }

    /** Null for none of these. */
    static @Nullable Release of(String text) {
        if (text.equals(LATEST)) {
            return V2016_07_29;
        }
        for (Release release : values()) {
            if (release.text.equals(text)) {
                return release;
            }
        }
        return null;
    }

    /** All that can be asked for. */
    static List<String> names() {
        List<String> names = new ArrayList<>();
        for (Release release : values()) {
            names.add(release.text);
        }
        names.add(LATEST);
        return names;
    }

    boolean nested() {
        return this != V2015_07_25;
    }

    boolean portsOnEveryAddress() {
        return compareTo(V2016_07_29) >= 0;
    }
}
