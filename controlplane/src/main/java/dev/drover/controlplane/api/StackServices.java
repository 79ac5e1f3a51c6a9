package dev.drover.controlplane.api;

import dev.drover.controlplane.compose.ServiceDraft;
import dev.drover.controlplane.desired.Sidekicks;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Stack;
import dev.drover.controlplane.security.Secrets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

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
                merged.add(service.asRemoved());
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
                    return primary == null ? service : service.withScale(primary.scale(), primary.global());
                })
                .toList();
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
