package dev.drover.node.attach;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import dev.drover.node.state.Assignment;
import dev.drover.node.state.Assignments;
import dev.drover.node.state.StateDir;
import dev.drover.overlay.AddressBlock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * Who has which address of this host's block. A container keeps its address and MAC until it is removed. The disk is
 * written beside whoever changes something, so that a container is wired meanwhile; before anybody is told of an address,
 * {@link #awaitSaved} has returned. Safe for any thread.
 */
public final class Addresses implements AutoCloseable {
    /**
     * @param address in host byte order
     */
    public record Lease(int address, Mac mac) {}

    private final AddressBlock block;
    private final StateDir stateDir;
    private final Map<String, Lease> leases = new HashMap<>();
    private final ExecutorService disk = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("addresses").factory());
    /** Counts changes; those up to the second are on disk. */
    private long changes;

    private long saved;
    private @Nullable CompletableFuture<Void> queued;

    /** Takes up the assignments on disk; those outside {@code block} (another life of this host) are dropped. */
    public Addresses(Cidr block, StateDir stateDir) {
        this.block = new AddressBlock(block);
        this.stateDir = stateDir;
        Assignments saved = stateDir.assignments();
        Map<String, Integer> addresses = new HashMap<>();
        saved.containers().forEach((id, held) -> addresses.put(id, Cidr.parseAddress(held.address())));
        List<String> refused = this.block.restore(
                addresses, saved.released().stream().map(Cidr::parseAddress).toList());
        saved.containers().forEach((id, held) -> {
            if (!refused.contains(id)) {
                leases.put(id, new Lease(Cidr.parseAddress(held.address()), Mac.parse(held.mac())));
            }
        });
    }

    public synchronized @Nullable Lease of(String containerId) {
        return leases.get(containerId);
    }

    /** Ids of all containers that have a lease. */
    public synchronized List<String> holders() {
        return List.copyOf(leases.keySet());
    }

    /**
     * The container's lease, made when it has none.
     *
     * @param wanted addresses in the order of preference; one that is taken or outside the block is passed over
     * @throws IllegalStateException when the block is used up
     */
    public synchronized Lease lease(String containerId, int[] wanted) {
        Lease held = leases.get(containerId);
        if (held != null) {
            return held;
        }
        Lease lease = new Lease(choose(containerId, wanted), Mac.random());
        leases.put(containerId, lease);
        changed();
        return lease;
    }

    private int choose(String containerId, int[] wanted) {
        for (int address : wanted) {
            int got = block.allocate(containerId, address);
            if (got == address) {
                return got;
            }
            block.release(containerId);
        }
        return block.allocate(containerId);
    }

    /** The container is removed: its address may be given to another. */
    public synchronized void release(String containerId) {
        if (leases.remove(containerId) != null) {
            block.release(containerId);
            changed();
        }
    }

    private void changed() {
        changes++;
        save();
    }

    /** One write for all changes until it begins. */
    private CompletableFuture<Void> save() {
        CompletableFuture<Void> save = queued;
        if (save == null) {
            save = CompletableFuture.runAsync(this::write, disk);
            queued = save;
        }
        return save;
    }

    /**
     * Returns when every lease that was made before is on disk.
     *
     * @throws RuntimeException why it cannot be written; the next call tries again
     */
    public void awaitSaved() {
        long wanted;
        CompletableFuture<Void> save;
        synchronized (this) {
            wanted = changes;
        }
        while (true) {
            synchronized (this) {
                if (saved >= wanted) {
                    return;
                }
                save = save();
            }
            try {
                save.join();
            } catch (CompletionException e) {
                throw e.getCause() instanceof RuntimeException reason ? reason : e;
            }
        }
    }

    private void write() {
        Assignments now;
        long upTo;
        synchronized (this) {
            queued = null;
            upTo = changes;
            now = assignments();
        }
        stateDir.assignments(now);
        synchronized (this) {
            saved = upTo;
        }
    }

    private Assignments assignments() {
        Map<String, Assignment> containers = new HashMap<>();
        leases.forEach((id, lease) -> containers.put(
                id, new Assignment(Cidr.format(lease.address()), lease.mac().toString())));
        return new Assignments(
                containers, block.released().stream().map(Cidr::format).toList());
    }

    /** Everything is on disk when it returns, unless the disk takes nothing any more. */
    @Override
    public void close() {
        disk.close();
    }
}
