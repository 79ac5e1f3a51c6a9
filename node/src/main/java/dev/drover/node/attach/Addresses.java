package dev.drover.node.attach;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import dev.drover.node.state.Assignment;
import dev.drover.node.state.StateDir;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who has which address of this host's block; on disk before anyone uses it. A container keeps its address and MAC until
 * it is removed. Freed addresses are given out again as late as possible. Safe for any thread.
 */
public final class Addresses {
    /** Index of the first address for containers; 0 is the network, 1 the host. */
    private static final int FIRST = 2;

    /**
     * @param address in host byte order
     */
    public record Lease(int address, Mac mac) {}

    private final Cidr block;
    private final StateDir stateDir;
    private final Map<String, Lease> leases = new HashMap<>();
    private final Set<Integer> taken = new HashSet<>();
    private int next = FIRST;

    /** Takes up the assignments on disk; those outside {@code block} (another life of this host) are dropped. */
    public Addresses(Cidr block, StateDir stateDir) {
        this.block = block;
        this.stateDir = stateDir;
        stateDir.assignments().forEach((id, assignment) -> {
            int address = Cidr.parseAddress(assignment.address());
            if (block.contains(address) && taken.add(address)) {
                leases.put(id, new Lease(address, Mac.parse(assignment.mac())));
                next = Math.max(next, address - block.network() + 1);
            }
        });
    }

    public synchronized @Nullable Lease of(String containerId) {
        return leases.get(containerId);
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
        Lease lease = new Lease(choose(wanted), Mac.random());
        leases.put(containerId, lease);
        taken.add(lease.address());
        save();
        return lease;
    }

    private int choose(int[] wanted) {
        int end =
                Math.toIntExact(Math.min(block.size(), Integer.MAX_VALUE)) - 1; // the last one is the broadcast address
        for (int address : wanted) {
            int index = address - block.network();
            if (block.contains(address) && index >= FIRST && index < end && !taken.contains(address)) {
                return address;
            }
        }
        int range = end - FIRST;
        for (int i = 0; i < range; i++) {
            int index = FIRST + (next - FIRST + i) % range;
            if (!taken.contains(block.address(index))) {
                next = index + 1;
                return block.address(index);
            }
        }
        throw new IllegalStateException("address block: " + block + " is used up (expected: a free address)");
    }

    /** The container is removed: its address may be given to another. */
    public synchronized void release(String containerId) {
        Lease lease = leases.remove(containerId);
        if (lease != null) {
            taken.remove(lease.address());
            save();
        }
    }

    private void save() {
        Map<String, Assignment> assignments = new HashMap<>();
        leases.forEach((id, lease) -> assignments.put(
                id, new Assignment(Cidr.format(lease.address()), lease.mac().toString())));
        stateDir.assignments(assignments);
    }
}
