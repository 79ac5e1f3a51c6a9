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
import org.jspecify.annotations.Nullable;

/**
 * Who has which address of this host's block; on disk before anyone uses it. A container keeps its address and MAC until
 * it is removed. Safe for any thread.
 */
public final class Addresses {
    /**
     * @param address in host byte order
     */
    public record Lease(int address, Mac mac) {}

    private final AddressBlock block;
    private final StateDir stateDir;
    private final Map<String, Lease> leases = new HashMap<>();

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
        save();
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
            save();
        }
    }

    private void save() {
        Map<String, Assignment> containers = new HashMap<>();
        leases.forEach((id, lease) -> containers.put(
                id, new Assignment(Cidr.format(lease.address()), lease.mac().toString())));
        stateDir.assignments(new Assignments(
                containers, block.released().stream().map(Cidr::format).toList()));
    }
}
