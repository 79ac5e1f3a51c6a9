package dev.drover.dataplane;

import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which IPv4 addresses may begin to speak with which others. Addresses belong to groups; rules speak of groups, the first
 * one that fits decides, else the default. Numbers only: what a group means is the caller's.
 *
 * @param subnets what it is about; a packet that comes from outside of them, or goes there, is let through
 * @param allowByDefault what becomes of a packet that no rule fits, and of one from or to an address without groups
 * @param rules in their order, at most {@link #MAX_RULES}
 */
public record GroupPolicy(List<Cidr> subnets, boolean allowByDefault, List<Rule> rules) {
    /** So many kinds of groups an address can be in, numbered from 0. */
    public static final int KINDS = 15;

    public static final int MAX_RULES = 64;
    public static final int MAX_SUBNETS = 16;
    /** So many {@link Pair}s of linked groups are known at a time; an entry in the kernel takes about 80 bytes. */
    public static final int MAX_PAIRS = 1 << 16;

    /** @throws IllegalArgumentException {@code key: value (expected: …)} */
    public GroupPolicy {
        subnets = List.copyOf(subnets);
        rules = List.copyOf(rules);
        if (rules.size() > MAX_RULES) {
            throw new IllegalArgumentException("rules: " + rules.size() + " (expected: at most " + MAX_RULES + ")");
        }
        if (subnets.isEmpty() || subnets.size() > MAX_SUBNETS) {
            throw new IllegalArgumentException("subnets: " + subnets.size() + " (expected: 1 to " + MAX_SUBNETS + ")");
        }
    }

    /** One rule; {@code allow} says what becomes of a packet that it fits. */
    public sealed interface Rule {
        boolean allow();

        /**
         * Whether it fits a packet between addresses with these groups; 0 is none.
         *
         * @param linked groups that are linked
         */
        boolean fits(int[] from, int[] to, Set<Pair> linked);
    }

    /** Both addresses are in the same group of a kind. */
    public record Same(int kind, boolean allow) implements Rule {
        public Same {
            check(kind);
        }

        @Override
        public boolean fits(int[] from, int[] to, Set<Pair> linked) {
            return from[kind] != 0 && from[kind] == to[kind];
        }
    }

    /** The sender is in any group of one kind, and the receiver in any group of another. */
    public record Between(int from, int to, boolean allow) implements Rule {
        public Between {
            check(from);
            check(to);
        }

        @Override
        public boolean fits(int[] from, int[] to, Set<Pair> linked) {
            return from[this.from] != 0 && to[this.to] != 0;
        }
    }

    /** The sender's group of a kind is linked to the receiver's group of that kind, in this direction. */
    public record Linked(int kind, boolean allow) implements Rule {
        public Linked {
            check(kind);
        }

        @Override
        public boolean fits(int[] from, int[] to, Set<Pair> linked) {
            return from[kind] != 0 && to[kind] != 0 && linked.contains(new Pair(from[kind], to[kind]));
        }
    }

    /** One group is linked to another; not the other way round. */
    public record Pair(int from, int to) {}

    private static void check(int kind) {
        if (kind < 0 || kind >= KINDS) {
            throw new IllegalArgumentException("kind: " + kind + " (expected: 0 to " + (KINDS - 1) + ")");
        }
    }

    /**
     * What an address is.
     *
     * @param exempt the policy does not hold for it, as for the hosts themselves
     * @param groups its group of each kind, 0 for none; {@link #KINDS} numbers
     */
    public record Member(boolean exempt, List<Integer> groups) {
        /** Whatever the policy says, it may speak and be spoken to. */
        public static final Member EXEMPT = new Member(true, List.of());

        public Member {
            groups = List.copyOf(groups);
            if (groups.size() > KINDS) {
                throw new IllegalArgumentException("groups: " + groups.size() + " (expected: at most " + KINDS + ")");
            }
        }

        /** {@link #KINDS} numbers. */
        public int[] numbers() {
            int[] numbers = new int[KINDS];
            for (int kind = 0; kind < groups.size(); kind++) {
                numbers[kind] = groups.get(kind);
            }
            return numbers;
        }
    }

    /**
     * Who there is.
     *
     * @param members by address in host order; an address that is not among them has no groups
     * @param linked for the rules {@link Linked}, at most {@link #MAX_PAIRS}
     */
    public record Membership(Map<Integer, Member> members, Set<Pair> linked) {
        public static final Membership NONE = new Membership(Map.of(), Set.of());

        public Membership {
            members = Map.copyOf(members);
            linked = Set.copyOf(linked);
            if (linked.size() > MAX_PAIRS) {
                throw new IllegalArgumentException(
                        "linked: " + linked.size() + " (expected: at most " + MAX_PAIRS + ")");
            }
        }
    }

    /** Whether a rule speaks of linked groups. */
    boolean knowsLinks() {
        return rules.stream().anyMatch(Linked.class::isInstance);
    }

    /** Whether some pair of addresses may begin to speak one way and not the other, so that answers must be known. */
    boolean knowsDirections() {
        boolean allows = allowByDefault || rules.stream().anyMatch(Rule::allow);
        boolean denies = !allowByDefault || rules.stream().anyMatch(rule -> !rule.allow());
        return allows && denies && rules.stream().anyMatch(GroupPolicy::hasDirection);
    }

    private static boolean hasDirection(Rule rule) {
        return switch (rule) {
            case Same _ -> false;
            case Between between -> between.from != between.to;
            case Linked _ -> true;
        };
    }
}
