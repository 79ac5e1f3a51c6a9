package dev.drover.controlplane.desired;

import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.repository.Versioned;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Finds the container that stands for an instance: the newest one on the instance's host that carries its id. */
public final class Running {
    private final Map<String, Versioned<Container>> byInstance = new HashMap<>();

    public Running(Collection<Versioned<Instance>> instances, Collection<Versioned<Container>> containers) {
        Map<String, String> hosts = new HashMap<>();
        instances.forEach(each -> hosts.put(each.value().id(), each.value().hostId()));
        for (Versioned<Container> container : containers) {
            String instanceId = container.value().fact().instanceId();
            if (instanceId != null && container.value().hostId().equals(hosts.get(instanceId))) {
                byInstance.merge(instanceId, container, Running::better);
            }
        }
    }

    /** The instance's container in whatever state; null when the host has reported none. */
    public @Nullable Versioned<Container> containerOf(String instanceId) {
        return byInstance.get(instanceId);
    }

    /** Overlay address of the instance while its container runs, else null. */
    public @Nullable String addressOf(String instanceId) {
        Versioned<Container> container = byInstance.get(instanceId);
        return container != null && runs(container.value().fact())
                ? container.value().fact().address()
                : null;
    }

    /** True when the container's processes run, so that its address answers. */
    public static boolean runs(ContainerFact fact) {
        return fact.state().equals("running");
    }

    /** False when the container has a health check that does not say yet, or not any more, that it serves. */
    public static boolean isHealthy(ContainerFact fact) {
        return fact.health() == null || fact.health().equals("healthy");
    }

    /** When the container was started last; the epoch when never, or when the engine's text is no instant. */
    public static Instant startedAt(ContainerFact fact) {
        String text = fact.startedAt();
        if (text == null) {
            return Instant.EPOCH;
        }
        try {
            return Instant.parse(text);
        } catch (DateTimeException e) {
            return Instant.EPOCH;
        }
    }

    private static Versioned<Container> better(Versioned<Container> a, Versioned<Container> b) {
        boolean aRuns = runs(a.value().fact());
        if (aRuns != runs(b.value().fact())) {
            return aRuns ? a : b;
        }
        return startedAt(a.value().fact()).isAfter(startedAt(b.value().fact())) ? a : b;
    }
}
