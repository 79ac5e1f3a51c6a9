package dev.drover.node;

import java.net.InetSocketAddress;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;

/** Tells once for each draining instance when this node's listeners hold nothing to it any more. One thread owns it. */
final class DrainWatch {
    private final ToLongFunction<InetSocketAddress> inFlight;
    private final Consumer<String> onDrained;
    private final Set<String> told = new HashSet<>();
    private Map<String, Set<InetSocketAddress>> draining = Map.of();

    DrainWatch(ToLongFunction<InetSocketAddress> inFlight, Consumer<String> onDrained) {
        this.inFlight = inFlight;
        this.onDrained = onDrained;
    }

    /** @param next instance id to its targets */
    void draining(Map<String, Set<InetSocketAddress>> next) {
        draining = next;
        told.retainAll(next.keySet());
    }

    /** Tells again of every instance that is drained, as to a control plane that may have missed it. */
    void repeat() {
        told.clear();
    }

    /** Returns whether some instance still has requests or connections. */
    boolean check() {
        boolean busy = false;
        for (Map.Entry<String, Set<InetSocketAddress>> instance : draining.entrySet()) {
            if (told.contains(instance.getKey())) {
                continue;
            }
            if (instance.getValue().stream().allMatch(target -> inFlight.applyAsLong(target) == 0)) {
                told.add(instance.getKey());
                onDrained.accept(instance.getKey());
            } else {
                busy = true;
            }
        }
        return busy;
    }
}
