package dev.drover.controlplane.compose;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads a docker-compose.yml (version 1: services at the top; version 2 or 3: under {@code services}) and the
 * rancher-compose.yml that goes with it.
 */
public final class Compose {
    static final String DOCKER = "docker-compose.yml";
    static final String RANCHER = "rancher-compose.yml";
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?");
    private static final Set<String> UNAVAILABLE_TOP = Set.of("networks", "secrets", "configs", "include");

    private final Faults faults = new Faults();
    private final Map<String, String> variables;

    private Compose(Map<String, String> variables) {
        this.variables = variables;
    }

    /**
     * @param rancherCompose may be empty
     * @param variables values of {@code ${NAME}}; nothing else is seen
     * @return services in the order of the file
     * @throws ComposeException with everything that is wrong
     */
    public static List<ServiceDraft> parse(String dockerCompose, String rancherCompose, Map<String, String> variables) {
        return new Compose(variables).read(dockerCompose, rancherCompose);
    }

    /** A parser that sees no variables. */
    public static StackParser parser() {
        return (dockerCompose, rancherCompose) -> parse(dockerCompose, rancherCompose, Map.of());
    }

    private List<ServiceDraft> read(String dockerCompose, String rancherCompose) {
        Map<String, Section> services = services(DOCKER, dockerCompose);
        if (services.isEmpty() && faults.isEmpty()) {
            faults.add(DOCKER, 0, "", "no service (expected: at least one)");
        }
        Map<String, Section> rancher = rancherCompose.isBlank() ? Map.of() : services(RANCHER, rancherCompose);
        for (Map.Entry<String, Section> extra : rancher.entrySet()) {
            if (!services.containsKey(extra.getKey())) {
                String hint = Suggestion.of(extra.getKey(), services.keySet());
                extra.getValue().fault("", "service is not in " + DOCKER + hint);
            }
        }
        List<ServiceDraft> specs = new ArrayList<>();
        Set<String> names = new HashSet<>();
        ServiceReader reader = new ServiceReader(variables, services.keySet());
        services.forEach((name, section) -> {
            if (!NAME.matcher(name).matches()) {
                section.fault("", "name (expected: 1 to 63 letters, digits and hyphens, no hyphen at either end)");
            } else if (!names.add(name.toLowerCase(Locale.ROOT))) {
                section.fault("", "another service has this name (names are not case-sensitive)");
            }
            specs.add(reader.read(name, section, rancher.get(name)));
        });
        SidekickCheck.check(specs, List.copyOf(services.values()));
        faults.throwIfAny();
        return List.copyOf(specs);
    }

    private Map<String, Section> services(String file, String text) {
        Map<String, Section> services = new LinkedHashMap<>();
        Yaml root = new YamlReader(file, variables, faults).read(text);
        Section top = root == null ? null : Section.of(file, "", root, faults);
        if (top == null) {
            return services;
        }
        boolean nested = top.has("services") || top.has("version");
        String prefix = nested ? "services." : "";
        Section holder = nested ? nested(file, top) : top;
        if (holder != null) {
            holder.entries().forEach((name, entry) -> {
                if (name.startsWith("x-") || (!nested && name.startsWith("."))) {
                    return;
                }
                Section section = Section.of(file, prefix + name, entry.value(), faults);
                if (section != null) {
                    services.put(name, section);
                }
            });
        }
        return services;
    }

    private static @Nullable Section nested(String file, Section top) {
        top.accept("version");
        top.accept("name");
        Section volumes = file.equals(DOCKER) ? top.section("volumes") : null;
        if (volumes != null) {
            namedVolumes(volumes);
        }
        Section services = top.section("services");
        top.finish(UNAVAILABLE_TOP);
        return services;
    }

    /** Named volumes are made by the engine of the host when a container first uses them; there is nothing to set. */
    private static void namedVolumes(Section volumes) {
        for (String name : volumes.entries().keySet()) {
            Section volume = volumes.section(name);
            if (volume != null) {
                String driver = volume.string("driver");
                if (driver != null && !driver.equals("local")) {
                    volume.fault("driver", driver + ": volume drivers are not available in this version");
                }
                volume.finish(Set.of("driver_opts", "external", "labels", "name"));
            }
        }
    }
}
