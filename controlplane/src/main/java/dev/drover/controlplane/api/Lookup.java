package dev.drover.controlplane.api;

import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Stack;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.Repository;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;

/** Finds what a path names, by id or by name; ids hold an underscore and names do not, so neither hides the other. */
final class Lookup {
    private final Repository repository;

    Lookup(Repository repository) {
        this.repository = repository;
    }

    Environment environment(String idOrName) {
        return find(
                "environment",
                idOrName,
                repository.list(Kind.ENVIRONMENT),
                Environment::id,
                Environment::name,
                e -> true);
    }

    Environment environment(Call call) {
        return environment(call.path("environment"));
    }

    Host host(Environment environment, String idOrName) {
        return find("host", idOrName, repository.list(Kind.HOST, environment.id()), Host::id, Host::name, h -> true);
    }

    /** A stack that is being removed is found by its id only: its name is free again. */
    Stack stack(Environment environment, String idOrName) {
        return find(
                "stack",
                idOrName,
                repository.list(Kind.STACK, environment.id()),
                Stack::id,
                Stack::name,
                stack -> !stack.removed());
    }

    Service service(Stack stack, String idOrName) {
        List<Service> services = repository.list(Kind.SERVICE, stack.environmentId()).stream()
                .filter(service -> service.stackId().equals(stack.id()))
                .toList();
        return find("service", idOrName, services, Service::id, Service::name, service -> !service.removed());
    }

    private static <T> T find(
            String what,
            String idOrName,
            List<T> all,
            Function<T, String> id,
            Function<T, String> name,
            Predicate<T> hasName) {
        return all.stream()
                .filter(each -> id.apply(each).equals(idOrName)
                        || (hasName.test(each) && name.apply(each).equalsIgnoreCase(idOrName)))
                .findFirst()
                .orElseThrow(() -> ApiException.notFound(what, idOrName));
    }
}
