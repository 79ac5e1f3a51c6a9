package dev.drover.node;

import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.dataplane.Cidr;
import dev.drover.node.attach.Addresses;
import dev.drover.node.attach.Attachment;
import dev.drover.node.docker.Labels;
import dev.drover.node.docker.Seen;
import dev.drover.node.mapping.LocalContainer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Every container of this host as it was seen last. Safe for any thread. Looks at one container come one after another; its
 * end may be told beside them.
 */
final class Containers {
    private final Map<String, Entry> entries = new ConcurrentHashMap<>();
    /** When the processes of a container ended last, epoch nanoseconds; of containers that are among the entries. */
    private final Map<String, Long> ends = new ConcurrentHashMap<>();

    record Entry(Seen seen, Attachment attachment) {
        ContainerFact fact() {
            Addresses.Lease lease = attachment.lease();
            return new ContainerFact(
                    seen.id(),
                    seen.name(),
                    seen.image(),
                    seen.state(),
                    seen.createdAt(),
                    seen.startedAt(),
                    seen.exitCode(),
                    lease == null ? null : Cidr.format(lease.address()),
                    lease == null ? null : lease.mac().toString(),
                    instanceId(),
                    seen.labels(),
                    attachment.problem(),
                    seen.health());
        }

        @Nullable
        String instanceId() {
            return seen.instanceId();
        }
    }

    /**
     * Returns whether anything that is told to others has changed. A look that began before the container's end, and came
     * back after it, changes nothing.
     */
    boolean put(Entry entry) {
        boolean[] changed = new boolean[1];
        entries.compute(entry.seen().id(), (id, before) -> {
            if (before != null && entry.seen().running() && hasEnded(id, entry.seen())) {
                return before;
            }
            changed[0] = before == null || !before.fact().equals(entry.fact());
            return entry;
        });
        return changed[0];
    }

    private boolean hasEnded(String id, Seen seen) {
        Long endedNanos = ends.get(id);
        return endedNanos != null && seen.startedAtNanos() <= endedNanos;
    }

    /**
     * The processes of a container have ended.
     *
     * @param timeNanos epoch nanoseconds by the engine's clock
     * @return what it is now, null when it was not known to run, or has been started again since
     */
    @Nullable
    Entry ended(String id, long timeNanos, @Nullable Integer exitCode) {
        @Nullable Entry[] ended = new @Nullable Entry[1];
        entries.computeIfPresent(id, (_, entry) -> {
            ends.merge(id, timeNanos, Math::max);
            if (!entry.seen().running() || !hasEnded(id, entry.seen())) {
                return entry;
            }
            ended[0] = new Entry(entry.seen().ended(exitCode), Attachment.NONE);
            return ended[0];
        });
        return ended[0];
    }

    @Nullable
    Entry remove(String id) {
        Entry removed = entries.remove(id);
        ends.remove(id);
        return removed;
    }

    @Nullable
    Entry get(String id) {
        return entries.get(id);
    }

    Set<String> ids() {
        return Set.copyOf(entries.keySet());
    }

    List<ContainerFact> facts() {
        return entries.values().stream().map(Entry::fact).toList();
    }

    /** Those wired into the overlay. */
    List<LocalContainer> local() {
        List<LocalContainer> local = new ArrayList<>();
        for (Entry entry : entries.values()) {
            Addresses.Lease lease = entry.attachment().lease();
            if (lease != null) {
                // Anybody may set the label: it counts on containers that Drover made.
                String service = entry.instanceId() == null
                        ? null
                        : entry.seen().labels().get(Labels.STACK_SERVICE);
                local.add(new LocalContainer(
                        entry.seen().name(),
                        Cidr.toInet(lease.address()),
                        service == null ? null : service.toLowerCase(Locale.ROOT)));
            }
        }
        return local;
    }

    /** Instances that have a container here. */
    Set<String> instanceIds() {
        Set<String> ids = new TreeSet<>();
        for (Entry entry : entries.values()) {
            String id = entry.instanceId();
            if (id != null) {
                ids.add(id);
            }
        }
        return ids;
    }
}
