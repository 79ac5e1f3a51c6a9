package dev.drover.lb.path;

import java.util.ArrayList;

/** The targets one request or connection has already failed at; empty, and free of cost, for nearly all. */
final class Tried {
    private final ArrayList<Target> targets = new ArrayList<>(0);

    boolean contains(Target target) {
        return !targets.isEmpty() && targets.contains(target);
    }

    void add(Target target) {
        targets.add(target);
    }

    boolean isEmpty() {
        return targets.isEmpty();
    }

    void clear() {
        if (!targets.isEmpty()) {
            targets.clear();
        }
    }
}
