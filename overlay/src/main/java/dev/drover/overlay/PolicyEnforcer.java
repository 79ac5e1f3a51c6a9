package dev.drover.overlay;

import dev.drover.dataplane.GroupPolicy;
import dev.drover.dataplane.Link;
import dev.drover.dataplane.PolicyGuard;
import dev.drover.dataplane.Rtnetlink;
import dev.drover.dataplane.SysException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds every port of an overlay's bridge to a {@link NetworkPolicy}, but the overlay's own TAP. A port that comes by
 * another way than {@link ContainerNetwork} is found within a second. What was applied stays in force in the kernel when
 * the process ends, until a later one applies another policy, or none.
 *
 * <p>Thread-safe; the thread {@code network-policy} looks for new ports. Works in the namespace of the thread that opens it.
 */
public final class PolicyEnforcer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PolicyEnforcer.class);
    private static final long PERIOD_MS = 1_000;

    private final Rtnetlink rtnetlink = Rtnetlink.open();
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("network-policy").factory());
    private final Map<String, Integer> numbers = new HashMap<>();
    private int lastNumber;
    private @Nullable PolicyGuard guard;
    private @Nullable Wanted wanted;
    private @Nullable NetworkPolicy applied;
    private GroupPolicy.Membership membership = GroupPolicy.Membership.NONE;
    private String lastFault = "";

    private record Wanted(NetworkPolicy policy, String bridge, String tap) {}

    /** Without a policy. */
    public PolicyEnforcer() {
        thread.scheduleWithFixedDelay(this::look, PERIOD_MS, PERIOD_MS, TimeUnit.MILLISECONDS);
    }

    /**
     * Makes this the policy of the ports of a bridge, now and from now on.
     *
     * @param policy null for none
     * @param tap port that leads to the other hosts, where nothing is checked
     * @throws IllegalStateException when the kernel cannot: what was in force before stays
     */
    public synchronized void apply(@Nullable NetworkPolicy policy, String bridge, String tap) {
        if (policy == null) {
            release(bridge, tap);
            return;
        }
        try {
            GroupPolicy.Membership numbered = numbered(policy);
            guard().enforce(policy.groupPolicy(), numbered, ports(bridge, tap));
            membership = numbered;
            applied = policy;
            wanted = new Wanted(policy, bridge, tap);
        } catch (SysException e) {
            throw new IllegalStateException(
                    "policy: " + e.getMessage() + " (expected: a kernel with BPF, clsact and cls_bpf, and CAP_BPF)", e);
        }
    }

    /** Also what a process before has left on the ports. A kernel that cannot hold a policy has none. */
    private void release(String bridge, String tap) {
        wanted = null;
        applied = null;
        numbers.clear();
        try {
            guard().enforce(null, GroupPolicy.Membership.NONE, ports(bridge, tap));
        } catch (SysException e) {
            if (guard != null) {
                throw new IllegalStateException("policy: still in force: " + e.getMessage(), e);
            }
            LOG.debug("no network policy on this kernel: {}", e.getMessage());
        }
    }

    private PolicyGuard guard() {
        PolicyGuard open = guard;
        if (open == null) {
            open = PolicyGuard.open(rtnetlink);
            guard = open;
        }
        return open;
    }

    /**
     * Makes the policy hold for a port that is about to be plugged in.
     *
     * @throws SysException the kernel refused
     */
    public synchronized void hold(int interfaceIndex) {
        if (guard != null && wanted != null) {
            guard.hold(interfaceIndex);
        }
    }

    /** Leaves the ports to another process, what is in force stays; {@link #apply} begins again. */
    public synchronized void pause() {
        wanted = null;
        if (guard != null) {
            guard.forgetWires();
        }
    }

    /** The policy in force, null for none. */
    public synchronized @Nullable NetworkPolicy policy() {
        return applied;
    }

    /** Packets that were dropped at the ports since this object was made. */
    public synchronized long drops() {
        return guard == null ? 0 : guard.drops();
    }

    private synchronized void look() {
        Wanted now = wanted;
        PolicyGuard open = guard;
        if (now == null || open == null) {
            return;
        }
        try {
            open.enforce(now.policy.groupPolicy(), membership, ports(now.bridge, now.tap));
            lastFault = "";
        } catch (RuntimeException e) {
            String fault = String.valueOf(e.getMessage());
            if (!fault.equals(lastFault)) {
                LOG.warn("network policy not in force on each port, tried again in {} ms: {}", PERIOD_MS, fault);
                lastFault = fault;
            }
        }
    }

    private Set<Integer> ports(String bridge, String tap) {
        int index = rtnetlink.links().find(bridge).map(Link::index).orElse(-1);
        return rtnetlink.links().list().stream()
                .filter(link -> link.master() == index && !link.name().equals(tap))
                .map(Link::index)
                .collect(Collectors.toSet());
    }

    /** Group names become numbers that never come again for another name; links of groups without members are left out. */
    private GroupPolicy.Membership numbered(NetworkPolicy policy) {
        Map<Integer, GroupPolicy.Member> byAddress = new HashMap<>();
        Set<String> used = new HashSet<>();
        policy.members().forEach((address, member) -> {
            List<Integer> groups = new ArrayList<>();
            for (String group : member.groups()) {
                used.add(group);
                groups.add(group.isEmpty() ? 0 : numbers.computeIfAbsent(group, _ -> ++lastNumber));
            }
            byAddress.put(address, new GroupPolicy.Member(member.exempt(), groups));
        });
        numbers.keySet().retainAll(used);
        Set<GroupPolicy.Pair> linked = new HashSet<>();
        for (NetworkPolicy.Link link : policy.links()) {
            Integer from = numbers.get(link.from());
            Integer to = numbers.get(link.to());
            if (from != null && to != null) {
                linked.add(new GroupPolicy.Pair(from, to));
            }
        }
        return new GroupPolicy.Membership(byAddress, linked);
    }

    /** Ends looking and counting; the policy stays in force. */
    @Override
    public void close() {
        thread.shutdownNow();
        try {
            thread.awaitTermination(PERIOD_MS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        synchronized (this) {
            wanted = null;
            if (guard != null) {
                guard.close();
                guard = null;
            }
            rtnetlink.close();
        }
    }
}
