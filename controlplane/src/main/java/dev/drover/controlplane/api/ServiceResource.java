package dev.drover.controlplane.api;

import dev.drover.controlplane.api.Views.ContainerView;
import dev.drover.controlplane.api.Views.ServiceView;
import dev.drover.controlplane.desired.Sidekicks;
import dev.drover.controlplane.link.DesiredItem.ContainerSpec;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.LiveState;
import dev.drover.controlplane.repository.Repository;
import dev.drover.controlplane.repository.Transaction;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Services of an environment, and the containers that really exist in it. */
final class ServiceResource {
    private static final Pattern VARIABLE = Pattern.compile("[^=\\x00]+");
    private static final int MAX_SCALE = 10_000;

    private final Repository repository;
    private final LiveState live;
    private final Lookup lookup;

    record Scale(Integer scale) {}

    /**
     * What becomes different; at least one of them.
     *
     * @param environment variables to set; the others stay
     */
    record Upgrade(
            @Nullable String image,
            @Nullable Map<String, String> environment,
            @Nullable List<String> command) {}

    ServiceResource(Repository repository, LiveState live, Lookup lookup) {
        this.repository = repository;
        this.live = live;
        this.lookup = lookup;
    }

    List<Operation> operations() {
        String environment = "/v1/environments/{environment}";
        String services = environment + "/stacks/{stack}/services";
        String one = services + "/{service}";
        return List.of(
                Operation.list(
                        environment + "/services",
                        "List the services of all stacks",
                        ServiceView.class,
                        call -> picture(call).services()),
                Operation.list(
                        environment + "/containers",
                        "List all containers that exist on the hosts, managed or not",
                        ContainerView.class,
                        call -> picture(call).containers()),
                Operation.list(services, "List the services of a stack", ServiceView.class, this::ofStack),
                Operation.get(one, "Get a service with its instances", ServiceView.class, call -> view(service(call))),
                Operation.action(
                        one + "/scale", "Set the number of instances", Scale.class, ServiceView.class, this::scale),
                Operation.action(
                        one + "/upgrade",
                        "Replace the instances one by one by new ones",
                        Upgrade.class,
                        ServiceView.class,
                        this::upgrade));
    }

    private Picture picture(Call call) {
        return Picture.of(repository, live, lookup.environment(call).id());
    }

    private List<ServiceView> ofStack(Call call) {
        String stackId =
                lookup.stack(lookup.environment(call), call.path("stack")).id();
        return picture(call).services().stream()
                .filter(service -> service.stackId().equals(stackId))
                .toList();
    }

    private Service service(Call call) {
        return lookup.service(lookup.stack(lookup.environment(call), call.path("stack")), call.path("service"));
    }

    private ServiceView view(Service service) {
        return Picture.of(repository, live, service.environmentId())
                .service(service.id())
                .orElseThrow(() -> ApiException.notFound("service", service.name()));
    }

    private ServiceView scale(Call call) {
        int scale = call.body(Scale.class).scale();
        if (scale < 0 || scale > MAX_SCALE) {
            throw ApiException.invalid("scale", "scale: " + scale + " (expected: 0 to " + MAX_SCALE + ")");
        }
        Service found = service(call);
        repository.update(tx -> {
            tx.serialize(found.environmentId());
            Service service = require(tx, found);
            requireContainers(service, "scale");
            Sidekicks sidekicks = new Sidekicks(tx.list(Kind.SERVICE, found.environmentId()));
            Service primary = sidekicks.primary(service);
            if (primary != null) {
                throw ApiException.invalid(
                        "scale",
                        "scale: " + service.name() + " is a sidekick (expected: the scale of " + primary.name() + ")");
            }
            if (service.global()) {
                throw ApiException.invalid(
                        "scale", "scale: " + service.name() + " is global (expected: one instance on each host)");
            }
            tx.put(Kind.SERVICE, service.withScale(scale, service.global()));
            for (Service sidekick : sidekicks.of(service)) {
                tx.put(Kind.SERVICE, require(tx, sidekick).withScale(scale, service.global()));
            }
        });
        return view(found);
    }

    private ServiceView upgrade(Call call) {
        Upgrade upgrade = call.body(Upgrade.class);
        requireValid(upgrade);
        return change(service(call), service -> {
            ContainerSpec spec = requireContainers(service, "upgrade");
            Map<String, String> variables = new LinkedHashMap<>(spec.environment());
            variables.putAll(Objects.requireNonNullElse(upgrade.environment(), Map.of()));
            return service.withSpec(new ContainerSpec(
                    Objects.requireNonNullElse(upgrade.image(), spec.image()),
                    upgrade.command() == null ? spec.command() : List.copyOf(upgrade.command()),
                    spec.entrypoint(),
                    variables,
                    spec.labels(),
                    spec.tty(),
                    spec.stdinOpen(),
                    spec.workingDir(),
                    spec.user(),
                    spec.hostname(),
                    spec.volumes(),
                    spec.ports(),
                    spec.privileged(),
                    spec.capAdd(),
                    spec.memoryBytes()));
        });
    }

    private ServiceView change(Service found, UnaryOperator<Service> change) {
        repository.update(tx -> {
            tx.put(Kind.SERVICE, change.apply(require(tx, found)));
        });
        return view(found);
    }

    private static Service require(Transaction tx, Service found) {
        Service service = tx.get(Kind.SERVICE, found.environmentId(), found.id())
                .orElseThrow(() -> ApiException.notFound("service", found.name()));
        if (service.removed()) {
            throw ApiException.conflict("service", "service: " + service.name() + " is being removed");
        }
        return service;
    }

    private static void requireValid(Upgrade upgrade) {
        if (upgrade.image() == null && upgrade.environment() == null && upgrade.command() == null) {
            throw ApiException.invalid(
                    "image", "upgrade: nothing to change (expected: at least one of image, environment, command)");
        }
        if (upgrade.image() != null && upgrade.image().isBlank()) {
            throw ApiException.invalid("image", "image: empty (expected: a Docker image)");
        }
        if (upgrade.environment() != null) {
            upgrade.environment().forEach((name, value) -> {
                if (!VARIABLE.matcher(name).matches() || value == null) {
                    throw ApiException.invalid(
                            "environment." + name,
                            "environment: " + name + " (expected: a name without = and a string)");
                }
            });
        }
        if (upgrade.command() != null && upgrade.command().stream().anyMatch(Objects::isNull)) {
            throw ApiException.invalid("command", "command: null (expected: strings)");
        }
    }

    private static ContainerSpec requireContainers(Service service, String what) {
        ContainerSpec spec = service.spec();
        if (spec == null) {
            throw ApiException.invalid(
                    what,
                    what + ": " + service.name()
                            + (service.kind() == Service.Kind.LOAD_BALANCER
                                    ? " is a load balancer, it runs in every node"
                                    : " has no containers, it is but a name")
                            + " (expected: a service of containers)");
        }
        return spec;
    }
}
