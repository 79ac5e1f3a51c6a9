package dev.drover.lb;

import java.net.InetSocketAddress;
import java.util.List;

/**
 * A bound port and what stands behind it. Two listeners are the same listener when their names are equal; a change of
 * {@code bind} or {@code protocol} rebinds, any other change leaves live connections alone.
 *
 * @param name unique in the configuration
 * @param bind resolved address and port; port 0 takes a free one
 */
public record ListenerConfig(
        String name, InetSocketAddress bind, Protocol protocol, Balance balance, List<TargetConfig> targets) {
    public ListenerConfig {
        targets = List.copyOf(targets);
    }
}
