package dev.drover.node;

import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.dataplane.Cidr;
import dev.drover.node.attach.Addresses;
import dev.drover.node.attach.Attachment;
import dev.drover.node.docker.Named;
import dev.drover.node.docker.Seen;
import dev.drover.node.mapping.LocalContainer;
import java.util.HashMap;
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
    /** Those that have begun to run and were not looked at since. */
    private final Map<String, LocalContainer> starting = new ConcurrentHashMap<>();

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
            if (!entry.seen().state().equals("created")) { // a look from before the start ends nothing
                changed[0] |= forgetStart(id);
            }
            return entry;
        });
        return changed[0];
    }

    private boolean hasEnded(String id, Seen seen) {
        Long endedNanos = ends.get(id);
        return endedNanos != null && seen.startedAtNanos() <= endedNanos;
    }

    /**
     * The processes of a container have begun, which has its name before its wire; others hear of it once it is wired.
     *
     * @param lease what it will be wired with
     * @return whether that is news
     */
    boolean started(Named container, Addresses.Lease lease) {
        Entry known = entries.get(container.id());
        return (known == null || !known.seen().running())
                && starting.put(container.id(), local(container, lease, false)) == null;
    }

    /** It has not begun, after all, or not only begun any more; returns whether it had. */
    boolean forgetStart(String id) {
        return starting.remove(id) != null;
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
        forgetStart(id);
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

    /** Those that run in the overlay. */
    List<LocalContainer> local() {
        Map<String, LocalContainer> local = new HashMap<>(starting);
        for (Entry entry : entries.values()) {
            Addresses.Lease lease = entry.attachment().lease();
            if (lease != null) {
                local.put(entry.seen().id(), local(entry.seen().named(), lease, true));
            }
        }
        return List.copyOf(local.values());
    }

    private static LocalContainer local(Named container, Addresses.Lease lease, boolean wired) {
        String service = container.service();
        return new LocalContainer(
                container.name(),
                Cidr.toInet(lease.address()),
                service == null ? null : service.toLowerCase(Locale.ROOT),
                wired);
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
