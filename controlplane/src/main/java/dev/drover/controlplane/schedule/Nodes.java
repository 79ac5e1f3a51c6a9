package dev.drover.controlplane.schedule;

import dev.drover.controlplane.desired.DesiredState;
import java.util.function.Consumer;

/** The nodes as the controller sees them; the link is behind it. Safe for any thread. */
public interface Nodes {

    /** What is known of the host's node, connected or not. */
    NodeStatus status(String hostId);

    /** Hands the newest desired state to the environment's nodes. Does not block. */
    void publish(DesiredState state);

    /** The environment is gone; its nodes are sent away. */
    void forget(String environmentId);

    /** Calls {@code listener} with an environment's id when the status of one of its nodes has changed. */
    void onChange(Consumer<String> listener);
}
