package dev.drover.controlplane.desired;

import dev.drover.controlplane.model.Service;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which services belong to which: a service names its sidekicks, others of its stack, in a label. An instance of each
 * stands beside every instance of the service. Immutable.
 */
public final class Sidekicks {
    /** Names of services of the same stack, comma-separated. */
    public static final String LABEL = "io.rancher.sidekicks";

    private final Map<String, List<Service>> sidekicks = new HashMap<>();
    private final Map<String, Service> primaries = new HashMap<>();

    /** @param services of an environment; those that are being removed count as gone */
    public Sidekicks(Collection<Service> services) {
        Map<String, Service> byName = new HashMap<>();
        for (Service service : services) {
            if (!service.removed()) {
                byName.put(key(service.stackName(), service.name()), service);
            }
        }
        for (Service service : byName.values()) {
            for (String name : names(service.labels())) {
                Service sidekick = byName.get(key(service.stackName(), name));
                if (sidekick != null && !sidekick.id().equals(service.id())) {
                    sidekicks
                            .computeIfAbsent(service.id(), _ -> new ArrayList<>())
                            .add(sidekick);
                    primaries.put(sidekick.id(), service);
                }
            }
        }
    }

    /** What the label says, in its order and lower case. */
    public static List<String> names(Map<String, String> labels) {
        List<String> names = new ArrayList<>();
        for (String name : labels.getOrDefault(LABEL, "").split(",", -1)) {
            if (!name.isBlank()) {
                names.add(name.strip().toLowerCase(Locale.ROOT));
            }
        }
        return names;
    }

    /** Those of the service that exist, in the order of its label. */
    public List<Service> of(Service service) {
        return sidekicks.getOrDefault(service.id(), List.of());
    }

    /** The service whose sidekick this one is; null for any other. */
    public @Nullable Service primary(Service sidekick) {
        return primaries.get(sidekick.id());
    }

    private static String key(String stack, String service) {
        return (stack + "/" + service).toLowerCase(Locale.ROOT);
    }
}
