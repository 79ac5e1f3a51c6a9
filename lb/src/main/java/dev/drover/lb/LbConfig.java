package dev.drover.lb;

import java.util.List;

/** Everything the load balancer serves; replaced as a whole by {@link LoadBalancer#apply}. */
public record LbConfig(List<ListenerConfig> listeners) {
    public static final LbConfig EMPTY = new LbConfig(List.of());

    public LbConfig {
        listeners = List.copyOf(listeners);
    }
}
