package dev.drover.controlplane.links;

import dev.drover.controlplane.desired.Blocks;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.link.Up.Facts;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.Repository;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Turns what one host reports into its stored containers; writes only what differs. A host can speak for its own
 * containers and its own address block only. Used by one session, one message at a time.
 */
final class FactsIntake {
    private static final int BATCH = 500;
    private static final int MAX_ID_LENGTH = 128;
    private static final int MAX_TEXT_LENGTH = 4096;

    private final Repository repository;
    private final Host host;
    private final Map<String, ContainerFact> stored = new HashMap<>();

    FactsIntake(Repository repository, Host host) {
        this.repository = repository;
        this.host = host;
        for (Container container : repository.list(Kind.CONTAINER, host.environmentId(), host.id())) {
            stored.put(container.fact().dockerId(), container.fact());
        }
    }

    /**
     * Stores the facts; when it returns they are on disk.
     *
     * @throws IllegalArgumentException when a fact misses a field or has a bad one; nothing was stored then
     */
    void accept(Facts facts) {
        Map<String, ContainerFact> put = new LinkedHashMap<>();
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < facts.put().size(); i++) {
            ContainerFact fact = checked(facts.put().get(i), "facts.put[" + i + "]");
            seen.add(fact.dockerId());
            if (fact.equals(stored.get(fact.dockerId()))) {
                put.remove(fact.dockerId());
            } else {
                put.put(fact.dockerId(), fact);
            }
        }
        Set<String> remove = new HashSet<>(facts.remove());
        if (facts.full()) {
            remove.addAll(stored.keySet());
        }
        remove.removeAll(seen);
        remove.retainAll(stored.keySet());
        store(put, new ArrayList<>(remove));
    }

    private void store(Map<String, ContainerFact> put, List<String> remove) {
        List<Container> puts = put.values().stream()
                .map(fact -> new Container(host.environmentId(), host.id(), fact))
                .toList();
        for (int from = 0; from < puts.size(); from += BATCH) {
            List<Container> batch = puts.subList(from, Math.min(puts.size(), from + BATCH));
            commit(batch, List.of());
            batch.forEach(each -> stored.put(each.fact().dockerId(), each.fact()));
        }
        for (int from = 0; from < remove.size(); from += BATCH) {
            List<String> batch = remove.subList(from, Math.min(remove.size(), from + BATCH));
            commit(List.of(), batch);
            batch.forEach(stored::remove);
        }
    }

    /** The host is read within the transaction, so that a late report cannot bring back what was removed with the host. */
    private void commit(List<Container> put, List<String> remove) {
        repository.update(transaction -> {
            if (transaction.get(Kind.HOST, host.environmentId(), host.id()).isEmpty()) {
                return;
            }
            put.forEach(each -> transaction.put(Kind.CONTAINER, each));
            for (String dockerId : remove) {
                ContainerFact fact = Objects.requireNonNull(stored.get(dockerId));
                transaction.delete(Kind.CONTAINER, new Container(host.environmentId(), host.id(), fact));
            }
        });
    }

    private ContainerFact checked(ContainerFact fact, String at) {
        text(fact.dockerId(), at + ".dockerId");
        if (fact.dockerId().isEmpty()
                || fact.dockerId().length() > MAX_ID_LENGTH
                || fact.dockerId().indexOf('/') >= 0) {
            throw new IllegalArgumentException(at + ".dockerId: " + fact.dockerId() + " (expected: a container id)");
        }
        text(fact.name(), at + ".name");
        text(fact.image(), at + ".image");
        text(fact.state(), at + ".state");
        text(fact.createdAt(), at + ".createdAt");
        String address = fact.address();
        boolean foreign = address != null && !Blocks.contains(host.block(), address);
        return new ContainerFact(
                fact.dockerId(),
                fact.name(),
                fact.image(),
                fact.state(),
                fact.createdAt(),
                fact.startedAt(),
                fact.exitCode(),
                foreign ? null : address,
                foreign ? null : fact.mac(),
                fact.instanceId(),
                orEmpty(fact.labels()),
                foreign ? "address " + address + " is not of this host's block " + host.block() : fact.problem());
    }

    private static Map<String, String> orEmpty(@Nullable Map<String, String> labels) {
        return labels == null ? Map.of() : labels;
    }

    private static void text(@Nullable String value, String at) {
        if (value == null) {
            throw new IllegalArgumentException(at + ": missing");
        }
        if (value.length() > MAX_TEXT_LENGTH) {
            throw new IllegalArgumentException(
                    at + ": " + value.length() + " characters (expected: at most " + MAX_TEXT_LENGTH + ")");
        }
    }
}
