package dev.drover.controlplane.links;

import dev.drover.controlplane.desired.DesiredState;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The last few desired states of an environment, so that a node that was away for a moment gets a delta. States share their
 * items, so this costs little.
 */
final class History {
    private static final int KEPT = 16;

    private final ArrayDeque<DesiredState> states = new ArrayDeque<>();

    History(DesiredState first) {
        states.add(first);
    }

    synchronized void add(DesiredState state) {
        states.addLast(state);
        if (states.size() > KEPT) {
            states.removeFirst();
        }
    }

    synchronized DesiredState latest() {
        return states.getLast();
    }

    synchronized @Nullable DesiredState at(long revision) {
        for (DesiredState state : states) {
            if (state.revision() == revision) {
                return state;
            }
        }
        return null;
    }
}
