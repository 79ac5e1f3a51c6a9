package dev.drover.node.docker;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a container is called: all that is known of it before the engine answers a look.
 *
 * @param name without the leading slash
 * @param labels in an event also the engine's own attributes of it
 */
public record Named(String id, String name, Map<String, String> labels) {
    public Named {
        labels = Map.copyOf(labels);
    }

    /**
     * The service instance it stands for, null for any other container. A copy that {@code docker commit} made has the
     * labels too, but another name than they say, and is nobody's instance.
     */
    public @Nullable String instanceId() {
        return name.equals(labels.get(Labels.NAME)) ? labels.get(Labels.INSTANCE) : null;
    }

    /** {@code stack/service} whose instance it is, null for none: anybody may set the label, it counts on instances. */
    public @Nullable String service() {
        return instanceId() == null ? null : labels.get(Labels.STACK_SERVICE);
    }

    /** Whether it is meant to be in the overlay: an instance, or by its label. */
    public boolean isManaged() {
        return instanceId() != null || Labels.isTrue(labels, Labels.NETWORK);
    }
}
