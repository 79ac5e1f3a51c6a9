package dev.drover.controlplane.schedule;

import dev.drover.controlplane.link.DesiredItem.ContainerSpec;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Instance.Phase;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.Repository;
import dev.drover.controlplane.repository.Transaction;
import dev.drover.controlplane.security.Secrets;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Writes the steps of a plan in one transaction. Each step looks again at what it relies on and is left out when that has
 * changed since the plan was made; the next plan sees why.
 */
final class Executor {
    private final Repository repository;

    Executor(Repository repository) {
        this.repository = repository;
    }

    void execute(String environmentId, List<Step> steps, long nowMs) {
        repository.update(transaction -> {
            Set<String> names = new HashSet<>();
            transaction.list(Kind.INSTANCE, environmentId).forEach(each -> names.add(each.containerName()));
            for (Step step : steps) {
                switch (step) {
                    case Step.Create create -> create(transaction, environmentId, create, names, nowMs);
                    case Step.Drain drain -> drain(transaction, environmentId, drain, nowMs);
                    case Step.RemoveInstance remove ->
                        transaction
                                .get(Kind.INSTANCE, environmentId, remove.instanceId())
                                .ifPresent(each -> transaction.delete(Kind.INSTANCE, each));
                    case Step.RemoveService remove -> removeService(transaction, environmentId, remove);
                    case Step.RemoveStack remove -> removeStack(transaction, environmentId, remove);
                    case Step.RemoveContainer remove -> removeContainer(transaction, environmentId, remove);
                }
            }
        });
    }

    private static void create(
            Transaction transaction, String environmentId, Step.Create step, Set<String> names, long nowMs) {
        Service service = transaction
                .get(Kind.SERVICE, environmentId, step.serviceId())
                .filter(each -> !each.removed() && each.version() == step.version())
                .orElse(null);
        if (service == null
                || service.spec() == null
                || transaction.get(Kind.HOST, environmentId, step.hostId()).isEmpty()) {
            return;
        }
        int index = service.nextIndex();
        while (!names.add(containerName(service, index))) {
            index++;
        }
        transaction.put(Kind.SERVICE, service.withNextIndex(index + 1));
        transaction.create(
                Kind.INSTANCE,
                new Instance(
                        Secrets.newId("ins"),
                        environmentId,
                        service.id(),
                        index,
                        containerName(service, index),
                        step.hostId(),
                        service.version(),
                        withRancherLabels(service, service.spec(), containerName(service, index)),
                        Phase.ACTIVE,
                        nowMs));
    }

    private static void drain(Transaction transaction, String environmentId, Step.Drain step, long nowMs) {
        transaction
                .get(Kind.INSTANCE, environmentId, step.instanceId())
                .filter(each -> each.phase() == Phase.ACTIVE)
                .ifPresent(each -> transaction.put(
                        Kind.INSTANCE,
                        new Instance(
                                each.id(),
                                each.environmentId(),
                                each.serviceId(),
                                each.index(),
                                each.containerName(),
                                each.hostId(),
                                each.version(),
                                each.spec(),
                                Phase.DRAINING,
                                nowMs)));
    }

    private static void removeService(Transaction transaction, String environmentId, Step.RemoveService step) {
        boolean used = transaction.list(Kind.INSTANCE, environmentId).stream()
                .anyMatch(each -> each.serviceId().equals(step.serviceId()));
        transaction
                .get(Kind.SERVICE, environmentId, step.serviceId())
                .filter(each -> each.removed() && !used)
                .ifPresent(each -> transaction.delete(Kind.SERVICE, each));
    }

    private static void removeStack(Transaction transaction, String environmentId, Step.RemoveStack step) {
        transaction.serialize(environmentId);
        boolean used = transaction.list(Kind.SERVICE, environmentId).stream()
                .anyMatch(each -> each.stackId().equals(step.stackId()));
        transaction
                .get(Kind.STACK, environmentId, step.stackId())
                .filter(each -> each.removed() && !used)
                .ifPresent(each -> transaction.delete(Kind.STACK, each));
    }

    private static void removeContainer(Transaction transaction, String environmentId, Step.RemoveContainer step) {
        if (transaction.get(Kind.HOST, environmentId, step.hostId()).isEmpty()) {
            transaction
                    .get(Kind.CONTAINER, environmentId, step.hostId(), step.dockerId())
                    .ifPresent(each -> transaction.delete(Kind.CONTAINER, each));
        }
    }

    private static String containerName(Service service, int index) {
        return service.stackName() + "-" + service.name() + "-" + index;
    }

    /** The labels that Rancher puts on every service container. */
    private static ContainerSpec withRancherLabels(Service service, ContainerSpec spec, String containerName) {
        Map<String, String> labels = new TreeMap<>(spec.labels());
        labels.put("io.rancher.stack.name", service.stackName());
        labels.put("io.rancher.stack_service.name", service.stackName() + "/" + service.name());
        labels.put("io.rancher.container.name", containerName);
        labels.put("io.rancher.environment.uuid", service.environmentId());
        return new ContainerSpec(
                spec.image(),
                spec.command(),
                spec.entrypoint(),
                spec.environment(),
                labels,
                spec.tty(),
                spec.stdinOpen(),
                spec.workingDir(),
                spec.user(),
                spec.hostname(),
                spec.volumes(),
                spec.ports(),
                spec.privileged(),
                spec.capAdd(),
                spec.memoryBytes());
    }
}
