package dev.drover.dataplane;

import dev.drover.dataplane.GroupPolicy.Member;
import dev.drover.dataplane.GroupPolicy.Membership;
import dev.drover.dataplane.GroupPolicy.Pair;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Holds containers to a {@link GroupPolicy}, in the kernel, at the host's end of each container's wire: what goes to a
 * container passes a program there ({@link PolicyProgram}), whether it comes from this host or another. All wires share
 * one table of addresses and one of linked groups. Programs and tables stay in force when the process ends; another object,
 * in another process, takes over wire by wire and goes on with the conversations that its predecessor knew.
 *
 * <p>A change of members or links changes entries of the tables. A change of the rules makes new tables and new programs,
 * and exchanges the programs of each wire at once: no packet passes by. Packets dropped are counted.
 *
 * <p>Thread-safe. Interfaces are those of the namespace in which the {@link Rtnetlink} was opened. Needs CAP_BPF and
 * CAP_NET_ADMIN.
 */
public final class PolicyGuard implements AutoCloseable {
    /** More than the addresses of the largest network that is usual, a /16; an entry takes about 150 bytes. */
    private static final int MAX_MEMBERS = 1 << 18;

    /** While links change, those that come are there beside those that go. */
    private static final int PAIRS_ROOM = 2 * GroupPolicy.MAX_PAIRS;

    /** Conversations of all containers of the host; about 6 MB, taken only by rules that know directions. */
    private static final int MAX_CONVERSATIONS = 1 << 16;

    private static final int TO_CONTAINER_PRIORITY = 1;
    private static final int FROM_CONTAINER_PRIORITY = 2;
    private static final String TO_CONTAINER = "drover_policy";
    private static final String FROM_CONTAINER = "drover_begun";

    private final Rtnetlink rtnetlink;
    private final BpfMap drops;
    private final Set<Integer> clean = new HashSet<>();
    private final Set<Integer> held = new HashSet<>();
    private @Nullable BpfMap conversations;
    private @Nullable Force force;
    private boolean closed;

    /** A policy as the kernel has it; the programs' descriptors are ours, the wires hold programs of their own accord. */
    private static final class Force {
        private final GroupPolicy policy;
        private final BpfMap table =
                BpfMap.hash(Integer.BYTES, PolicyProgram.MEMBER_WORDS * Integer.BYTES, MAX_MEMBERS);
        private final Map<Integer, Member> members = new HashMap<>();
        private final @Nullable BpfMap linkedTable;
        private final Set<Pair> linked = new HashSet<>();
        private int toContainer = -1;
        private int fromContainer = -1;

        Force(GroupPolicy policy) {
            this.policy = policy;
            linkedTable = policy.knowsLinks()
                    ? BpfMap.hash(
                            PolicyProgram.PAIR_WORDS * Integer.BYTES,
                            PolicyProgram.LINKED_WORDS * Integer.BYTES,
                            PAIRS_ROOM)
                    : null;
        }

        /**
         * What is new comes first, and what is gone goes last: an address that only changed is never unknown, and one
         * that comes into another group finds the links of that group.
         */
        void membership(Membership wanted) {
            if (linkedTable != null) {
                link(linkedTable, wanted.linked());
            }
            members(wanted.members());
            if (linkedTable != null) {
                unlink(linkedTable, wanted.linked());
            }
        }

        private void link(BpfMap table, Set<Pair> wanted) {
            for (Pair pair : wanted) {
                if (!linked.contains(pair)) {
                    table.put(words(pair), new int[PolicyProgram.LINKED_WORDS]);
                    linked.add(pair);
                }
            }
        }

        private void unlink(BpfMap table, Set<Pair> wanted) {
            linked.removeIf(pair -> {
                boolean gone = !wanted.contains(pair);
                if (gone) {
                    table.remove(words(pair));
                }
                return gone;
            });
        }

        private static int[] words(Pair pair) {
            return new int[] {pair.from(), pair.to()};
        }

        private void members(Map<Integer, Member> wanted) {
            wanted.forEach((address, member) -> {
                if (!member.equals(members.get(address))) {
                    table.put(Integer.reverseBytes(address), words(member));
                    members.put(address, member);
                }
            });
            members.keySet().removeIf(address -> {
                boolean gone = !wanted.containsKey(address);
                if (gone) {
                    table.remove(Integer.reverseBytes(address));
                }
                return gone;
            });
        }

        private static int[] words(Member member) {
            int[] words =
                    Arrays.copyOf(new int[] {member.exempt() ? PolicyProgram.EXEMPT : 0}, PolicyProgram.MEMBER_WORDS);
            System.arraycopy(member.numbers(), 0, words, 1, GroupPolicy.KINDS);
            return words;
        }

        void close() {
            table.close();
            if (linkedTable != null) {
                linkedTable.close();
            }
            if (toContainer >= 0) {
                Sys.close(toContainer);
            }
            if (fromContainer >= 0) {
                Sys.close(fromContainer);
            }
        }
    }

    private PolicyGuard(Rtnetlink rtnetlink, BpfMap drops) {
        this.rtnetlink = rtnetlink;
        this.drops = drops;
    }

    /** @throws SysException the kernel has no BPF, or the process may not use it */
    public static PolicyGuard open(Rtnetlink rtnetlink) {
        return new PolicyGuard(rtnetlink, BpfMap.counter());
    }

    /**
     * Makes this the policy of these wires and no others.
     *
     * @param policy null for none
     * @param membership who there is, and which groups are linked
     * @param wires indexes of the host's ends; one that has gone meanwhile is passed over
     * @throws SysException the kernel refused; what was in force before stays, on some wires perhaps what was wanted
     */
    public synchronized void enforce(@Nullable GroupPolicy policy, Membership membership, Set<Integer> wires) {
        if (policy == null) {
            release(wires);
            return;
        }
        Force now = force;
        boolean same = now != null && now.policy.equals(policy);
        Force next = same && now != null ? now : new Force(policy);
        try {
            next.membership(membership);
            for (int wire : wires) {
                if (!same || !held.contains(wire)) {
                    hold(wire, next);
                }
            }
        } catch (SysException e) {
            if (!same) {
                held.clear();
                next.close();
            }
            throw e;
        }
        if (!same && now != null) {
            now.close();
        }
        force = next;
        held.retainAll(wires);
        clean.clear();
    }

    /**
     * Makes the policy that is in force hold for a new wire as well; call it before anything can pass the wire.
     *
     * @throws SysException the wire has gone, or the kernel refused
     */
    public synchronized void hold(int wire) {
        if (force != null) {
            hold(wire, force);
        }
    }

    private void hold(int wire, Force by) {
        try {
            programs(wire, by);
            Filters filters = rtnetlink.filters();
            filters.ensureHooks(wire);
            if (by.fromContainer >= 0) {
                filters.replace(wire, Filters.Hook.INGRESS, FROM_CONTAINER_PRIORITY, by.fromContainer, FROM_CONTAINER);
            }
            filters.replace(wire, Filters.Hook.EGRESS, TO_CONTAINER_PRIORITY, by.toContainer, TO_CONTAINER);
            if (by.fromContainer < 0) {
                filters.remove(wire, Filters.Hook.INGRESS, FROM_CONTAINER_PRIORITY);
            }
            held.add(wire);
        } catch (SysException e) {
            if (e.errno() != Sys.ENODEV) {
                throw e;
            }
        }
    }

    /** Loaded with the first wire, which may know the conversations of a process before. */
    private void programs(int wire, Force by) {
        if (by.toContainer >= 0) {
            return;
        }
        BpfMap known = by.policy.knowsDirections() ? conversations(wire) : null;
        PolicyProgram program = new PolicyProgram(by.policy, by.table, by.linkedTable, known);
        if (known != null) {
            by.fromContainer = program.fromContainer(known).load(FROM_CONTAINER);
        }
        by.toContainer = program.toContainer(drops).load(TO_CONTAINER);
    }

    private BpfMap conversations(int wire) {
        BpfMap known = conversations;
        if (known == null) {
            known = inherited(wire);
            if (known == null) {
                known = BpfMap.leastRecentlyUsed(
                        PolicyProgram.CONVERSATION_BYTES, PolicyProgram.SEEN_BYTES, MAX_CONVERSATIONS);
            }
            conversations = known;
        }
        return known;
    }

    private @Nullable BpfMap inherited(int wire) {
        int program = rtnetlink.filters().programId(wire, Filters.Hook.EGRESS, TO_CONTAINER);
        BpfMap found = null;
        for (BpfMap map : program == 0 ? Set.<BpfMap>of() : BpfMap.of(program)) {
            if (found == null && map.isLeastRecentlyUsed(PolicyProgram.CONVERSATION_BYTES, PolicyProgram.SEEN_BYTES)) {
                found = map;
            } else {
                map.close();
            }
        }
        return found;
    }

    /** Also what a process before had put there. */
    private void release(Set<Integer> wires) {
        Set<Integer> all = new HashSet<>(wires);
        all.addAll(held); // also a wire that is just being plugged in
        for (int wire : all) {
            if (!clean.contains(wire)) {
                rtnetlink.filters().remove(wire, Filters.Hook.EGRESS, TO_CONTAINER_PRIORITY);
                rtnetlink.filters().remove(wire, Filters.Hook.INGRESS, FROM_CONTAINER_PRIORITY);
                clean.add(wire);
            }
        }
        clean.retainAll(wires);
        held.clear();
        if (force != null) {
            force.close();
            force = null;
        }
    }

    /** Another process may change the wires from now on: the next {@link #enforce} looks after each of them anew. */
    public synchronized void forgetWires() {
        held.clear();
        clean.clear();
    }

    /** Packets dropped on all wires since this object was opened. */
    public synchronized long drops() {
        return closed ? 0 : drops.count();
    }

    /** Ends counting and changing; what is in force stays in force. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            if (force != null) {
                force.close();
                force = null;
            }
            if (conversations != null) {
                conversations.close();
            }
            drops.close();
        }
    }
}
