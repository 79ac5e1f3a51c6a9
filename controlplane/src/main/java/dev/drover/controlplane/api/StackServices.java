package dev.drover.controlplane.api;

import dev.drover.controlplane.compose.ServiceDraft;
import dev.drover.controlplane.desired.Sidekicks;
import dev.drover.controlplane.link.DesiredItem.ContainerSpec;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Stack;
import dev.drover.controlplane.security.Secrets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** From what the files of a stack say and what there is already to the service records as they should be. Pure. */
final class StackServices {
    private StackServices() {}

    /**
     * @param stack to which the services belong
     * @param all every service of the environment
     * @return every service of the stack that is wanted or was until now; those that no file names any more are marked
     *     removed
     * @throws ApiException when a service would become another kind of thing
     */
    static List<Service> merge(Stack stack, List<Service> all, List<ServiceDraft> drafts) {
        List<Service> merged = new ArrayList<>();
        Set<String> kept = new HashSet<>();
        for (ServiceDraft draft : drafts) {
            Optional<Service> existing = all.stream()
                    .filter(service -> service.stackId().equals(stack.id())
                            && !service.removed()
                            && service.name().equalsIgnoreCase(draft.name()))
                    .findFirst();
            existing.ifPresent(service -> requireSameKind(service, draft));
            existing.map(Service::id).ifPresent(kept::add);
            merged.add(existing.map(service -> updated(service, draft))
                    .orElseGet(() -> created(stack, draft, firstIndex(stack, all, draft))));
        }
        for (Service service : all) {
            if (service.stackId().equals(stack.id()) && !service.removed() && !kept.contains(service.id())) {
                merged.add(removed(service));
            }
        }
        return beside(merged);
    }

    /** Sidekicks have the scale of the service to which they belong. */
    private static List<Service> beside(List<Service> services) {
        Sidekicks sidekicks = new Sidekicks(services);
        return services.stream()
                .map(service -> {
                    Service primary = service.removed() ? null : sidekicks.primary(service);
                    return primary == null ? service : beside(service, primary);
                })
                .toList();
    }

    private static Service beside(Service sidekick, Service primary) {
        Service scaled = scaled(sidekick, primary.scale());
        return new Service(
                scaled.id(),
                scaled.environmentId(),
                scaled.stackId(),
                scaled.stackName(),
                scaled.name(),
                scaled.kind(),
                scaled.scale(),
                primary.global(),
                scaled.version(),
                scaled.spec(),
                scaled.portRules(),
                scaled.labels(),
                scaled.nextIndex(),
                scaled.drainTimeoutMs(),
                scaled.removed(),
                scaled.discovery(),
                scaled.metadata(),
                scaled.healthCheck());
    }

    /** With another number of instances. */
    static Service scaled(Service service, int scale) {
        return with(service, scale, service.version(), service.spec(), service.removed());
    }

    /** With another spec and, if that is a change at all, the next version. */
    static Service respecified(Service service, ContainerSpec spec) {
        boolean same = spec.equals(service.spec());
        return with(
                service, service.scale(), same ? service.version() : service.version() + 1, spec, service.removed());
    }

    static Service removed(Service service) {
        return with(service, service.scale(), service.version(), service.spec(), true);
    }

    private static Service with(
            Service service, int scale, long version, @Nullable ContainerSpec spec, boolean removed) {
        return new Service(
                service.id(),
                service.environmentId(),
                service.stackId(),
                service.stackName(),
                service.name(),
                service.kind(),
                scale,
                service.global(),
                version,
                spec,
                service.portRules(),
                service.labels(),
                service.nextIndex(),
                service.drainTimeoutMs(),
                removed,
                service.discovery(),
                service.metadata(),
                service.healthCheck());
    }

    private static Service updated(Service service, ServiceDraft draft) {
        boolean same = Objects.equals(service.spec(), draft.spec());
        return new Service(
                service.id(),
                service.environmentId(),
                service.stackId(),
                service.stackName(),
                service.name(),
                service.kind(),
                draft.scale() == null ? service.scale() : draft.scale(),
                draft.global(),
                same ? service.version() : service.version() + 1,
                draft.spec(),
                draft.portRules(),
                draft.labels(),
                service.nextIndex(),
                draft.drainTimeoutMs(),
                false,
                draft.discovery(),
                draft.metadata(),
                draft.healthCheck());
    }

    private static Service created(Stack stack, ServiceDraft draft, int nextIndex) {
        return new Service(
                Secrets.newId("svc"),
                stack.environmentId(),
                stack.id(),
                stack.name(),
                draft.name(),
                draft.kind(),
                draft.scale() == null ? 1 : draft.scale(),
                draft.global(),
                1,
                draft.spec(),
                draft.portRules(),
                draft.labels(),
                nextIndex,
                draft.drainTimeoutMs(),
                false,
                draft.discovery(),
                draft.metadata(),
                draft.healthCheck());
    }

    /** Goes on where a service of the same name that is still being removed has stopped, so that no container name recurs. */
    private static int firstIndex(Stack stack, List<Service> all, ServiceDraft draft) {
        return all.stream()
                .filter(service -> service.removed()
                        && service.stackName().equalsIgnoreCase(stack.name())
                        && service.name().equalsIgnoreCase(draft.name()))
                .mapToInt(Service::nextIndex)
                .max()
                .orElse(1);
    }

    private static void requireSameKind(Service service, ServiceDraft draft) {
        if (service.kind() != draft.kind()) {
            throw ApiException.invalid(
                    "compose.services." + draft.name(),
                    "service: " + draft.name() + " is a " + kind(service.kind()) + " and would become a "
                            + kind(draft.kind()) + " (expected: remove it first, or another name)");
        }
    }

    private static String kind(Service.Kind kind) {
        return switch (kind) {
            case SERVICE -> "service of containers";
            case LOAD_BALANCER -> "load balancer";
            case EXTERNAL -> "external service";
            case ALIAS -> "alias";
        };
    }
}
