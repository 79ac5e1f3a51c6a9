package dev.drover.controlplane.api;

import dev.drover.controlplane.api.Views.StackView;
import dev.drover.controlplane.compose.ServiceDraft;
import dev.drover.controlplane.compose.StackParser;
import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Stack;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.LiveState;
import dev.drover.controlplane.repository.Repository;
import dev.drover.controlplane.repository.Transaction;
import dev.drover.controlplane.security.Secrets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Stacks: two compose files and the services made from them. */
final class StackResource {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?");

    private final Repository repository;
    private final LiveState live;
    private final Lookup lookup;
    private final StackParser parser;

    record StackFiles(String name, String compose, @Nullable String rancherCompose) {
        String rancherComposeOrEmpty() {
            return Objects.requireNonNullElse(rancherCompose, "");
        }
    }

    StackResource(Repository repository, LiveState live, Lookup lookup, StackParser parser) {
        this.repository = repository;
        this.live = live;
        this.lookup = lookup;
        this.parser = parser;
    }

    List<Operation> operations() {
        String stacks = "/v1/environments/{environment}/stacks";
        String one = stacks + "/{stack}";
        return List.of(
                Operation.list(
                        stacks,
                        "List stacks",
                        StackView.class,
                        call -> Picture.of(
                                        repository,
                                        live,
                                        lookup.environment(call).id())
                                .stacks()),
                Operation.create(
                        stacks, "Create a stack from compose files", StackFiles.class, StackView.class, this::create),
                Operation.get(one, "Get a stack with its files", StackView.class, call -> view(stack(call))),
                Operation.put(
                        one,
                        "Replace the files of a stack; services whose containers change are upgraded",
                        StackFiles.class,
                        StackView.class,
                        this::replace),
                Operation.delete(one, "Remove a stack; its services are drained first", this::delete));
    }

    private Stack stack(Call call) {
        return lookup.stack(lookup.environment(call), call.path("stack"));
    }

    private StackView view(Stack stack) {
        return Picture.of(repository, live, stack.environmentId())
                .stack(stack.id(), true)
                .orElseThrow(() -> ApiException.notFound("stack", stack.name()));
    }

    private StackView create(Call call) {
        Environment environment = lookup.environment(call);
        StackFiles files = call.body(StackFiles.class);
        if (!NAME.matcher(files.name()).matches()) {
            throw ApiException.invalid(
                    "name",
                    "name: " + files.name()
                            + " (expected: 1 to 63 letters, digits and hyphens, no hyphen at either end)");
        }
        List<ServiceDraft> drafts = parser.parse(files.compose(), files.rancherComposeOrEmpty());
        Stack stack = new Stack(
                Secrets.newId("stk"),
                environment.id(),
                files.name(),
                files.compose(),
                files.rancherComposeOrEmpty(),
                false);
        repository.update(tx -> {
            tx.serialize(environment.id());
            if (tx.get(Kind.ENVIRONMENT, environment.id()).isEmpty()) {
                throw ApiException.notFound("environment", environment.name());
            }
            if (tx.list(Kind.STACK, environment.id()).stream()
                    .anyMatch(other -> !other.removed() && other.name().equalsIgnoreCase(files.name()))) {
                throw ApiException.conflict(
                        "name",
                        "name: " + files.name() + " exists already (expected: another name, or PUT to change it)");
            }
            tx.create(Kind.STACK, stack);
            putServices(tx, stack, drafts);
        });
        return view(stack);
    }

    private StackView replace(Call call) {
        Stack found = stack(call);
        StackFiles files = call.body(StackFiles.class);
        if (!files.name().equalsIgnoreCase(found.name())) {
            throw ApiException.invalid(
                    "name", "name: " + files.name() + " (expected: " + found.name() + ", a stack keeps its name)");
        }
        List<ServiceDraft> drafts = parser.parse(files.compose(), files.rancherComposeOrEmpty());
        repository.update(tx -> {
            tx.serialize(found.environmentId());
            Stack stack = require(tx, found);
            if (stack.removed()) {
                throw ApiException.conflict("stack", "stack: " + stack.name() + " is being removed");
            }
            tx.put(
                    Kind.STACK,
                    new Stack(
                            stack.id(),
                            stack.environmentId(),
                            stack.name(),
                            files.compose(),
                            files.rancherComposeOrEmpty(),
                            false));
            putServices(tx, stack, drafts);
        });
        return view(found);
    }

    private static void putServices(Transaction tx, Stack stack, List<ServiceDraft> drafts) {
        List<Service> all = tx.list(Kind.SERVICE, stack.environmentId());
        List<Service> merged = StackServices.merge(stack, all, drafts);
        Map<String, Service> after = new LinkedHashMap<>();
        all.forEach(service -> after.put(service.id(), service));
        for (Service service : merged) {
            after.put(service.id(), service);
            tx.get(Kind.SERVICE, service.environmentId(), service.id());
            tx.put(Kind.SERVICE, service);
        }
        HostPorts.requireFree(stack, after.values());
        CertificateResource.requireKnown(tx, stack.environmentId(), stack.id(), after.values());
    }

    private @Nullable Object delete(Call call) {
        Stack found = stack(call);
        repository.update(tx -> {
            tx.serialize(found.environmentId());
            Stack stack = require(tx, found);
            boolean empty = true;
            for (Service service : tx.list(Kind.SERVICE, stack.environmentId())) {
                if (service.stackId().equals(stack.id())) {
                    empty = false;
                    tx.get(Kind.SERVICE, service.environmentId(), service.id());
                    tx.put(Kind.SERVICE, service.asRemoved());
                }
            }
            if (empty) {
                tx.delete(Kind.STACK, stack);
            } else {
                tx.put(
                        Kind.STACK,
                        new Stack(
                                stack.id(),
                                stack.environmentId(),
                                stack.name(),
                                stack.compose(),
                                stack.rancherCompose(),
                                true));
            }
        });
        return null;
    }

    private static Stack require(Transaction tx, Stack stack) {
        return tx.get(Kind.STACK, stack.environmentId(), stack.id())
                .orElseThrow(() -> ApiException.notFound("stack", stack.name()));
    }
}
