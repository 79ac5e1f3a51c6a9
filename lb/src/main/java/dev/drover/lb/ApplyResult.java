package dev.drover.lb;

import java.util.List;
import java.util.Objects;

/**
 * What {@link LoadBalancer#apply} did.
 *
 * @param changed false when everything was as wanted already
 * @param listeners the listeners of the configuration, in its order
 */
public record ApplyResult(boolean changed, List<ListenerStatus> listeners) {
    public ApplyResult {
        listeners = List.copyOf(listeners);
    }

    /** Why listeners could not be bound where they should be; empty when all is as wanted. */
    public List<String> problems() {
        return listeners.stream()
                .map(ListenerStatus::problem)
                .filter(Objects::nonNull)
                .toList();
    }
}
