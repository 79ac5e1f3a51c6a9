package dev.drover.lb;

import java.net.InetSocketAddress;
import java.util.List;

/**
 * A bound port and what stands behind it. Two listeners are the same listener when their names are equal; a change of
 * {@code bind} or {@code protocol} rebinds, any other change leaves live connections alone.
 *
 * @param name unique in the configuration
 * @param bind resolved address and port; port 0 takes a free one
 * @param entry what lies below HTTP or the byte stream
 */
public record ListenerConfig(
        String name,
        InetSocketAddress bind,
        Protocol protocol,
        Balance balance,
        List<TargetConfig> targets,
        EntryConfig entry) {
    public ListenerConfig {
        targets = List.copyOf(targets);
    }

    /** Without anything below. */
    public ListenerConfig(
            String name, InetSocketAddress bind, Protocol protocol, Balance balance, List<TargetConfig> targets) {
        this(name, bind, protocol, balance, targets, EntryConfig.PLAIN);
    }

    /** A copy with another entry. */
    public ListenerConfig withEntry(EntryConfig with) {
        return new ListenerConfig(name, bind, protocol, balance, targets, with);
    }
}
