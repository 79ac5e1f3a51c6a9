package dev.drover.dataplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.dataplane.GroupPolicy.Between;
import dev.drover.dataplane.GroupPolicy.Linked;
import dev.drover.dataplane.GroupPolicy.Member;
import dev.drover.dataplane.GroupPolicy.Pair;
import dev.drover.dataplane.GroupPolicy.Rule;
import dev.drover.dataplane.GroupPolicy.Same;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The programs, run by the kernel on single packets ({@code BPF_PROG_TEST_RUN}). */
@Tag("root")
@Timeout(120)
class PolicyProgramTest {
    private static final int TEST_RUN_COMMAND = 10;
    private static final int ATTRIBUTES_BYTES = 128;
    private static final Cidr SUBNET = Cidr.parse("10.42.0.0/16");
    private static final int WEB = Cidr.parseAddress("10.42.1.2");
    private static final int DB = Cidr.parseAddress("10.42.2.2");
    private static final int HOST = Cidr.parseAddress("10.42.2.1");
    private static final int STRANGER = Cidr.parseAddress("10.42.3.9");
    private static final int OUTSIDE = Cidr.parseAddress("192.0.2.1");
    private static final int TCP = 6;
    private static final int UDP = 17;
    private static final int SYN = 0x02;
    private static final int ACK = 0x10;

    /** One policy in the kernel, without wires. */
    private static final class Loaded implements AutoCloseable {
        private final BpfMap drops = BpfMap.counter();
        private final BpfMap table = BpfMap.hash(4, 4 * PolicyProgram.MEMBER_WORDS, 100);
        private final BpfMap linked = BpfMap.hash(8, 4, 100);
        private final BpfMap conversations =
                BpfMap.leastRecentlyUsed(PolicyProgram.CONVERSATION_BYTES, PolicyProgram.SEEN_BYTES, 1_000);
        private final int to;
        private final int from;

        Loaded(GroupPolicy policy, Map<Integer, Member> members, Pair... pairs) {
            members.forEach((address, member) -> {
                int[] words = new int[PolicyProgram.MEMBER_WORDS];
                words[0] = member.exempt() ? PolicyProgram.EXEMPT : 0;
                System.arraycopy(member.numbers(), 0, words, 1, GroupPolicy.KINDS);
                table.put(Integer.reverseBytes(address), words);
            });
            for (Pair pair : pairs) {
                linked.put(new int[] {pair.from(), pair.to()}, new int[1]);
            }
            PolicyProgram program = new PolicyProgram(
                    policy,
                    table,
                    policy.knowsLinks() ? linked : null,
                    policy.knowsDirections() ? conversations : null);
            to = program.toContainer(drops).load("to");
            from = policy.knowsDirections()
                    ? program.fromContainer(conversations).load("from")
                    : -1;
        }

        boolean passes(byte[] frame) {
            return run(to, frame) == Bpf.NEXT;
        }

        void sends(byte[] frame) {
            assertThat(run(from, frame)).isEqualTo(Bpf.NEXT);
        }

        private static int run(int program, byte[] frame) {
            try (Slab slab = new Slab()) {
                long data = slab.allocate(frame.length);
                Memory.copyIn(frame, data);
                long attributes = slab.allocate(ATTRIBUTES_BYTES);
                Memory.putInt(attributes, program);
                Memory.putInt(attributes + 8, frame.length);
                Memory.putLong(attributes + 16, data);
                Sys.check("run", Sys.bpf(TEST_RUN_COMMAND, attributes, ATTRIBUTES_BYTES));
                return Memory.getInt(attributes + 4);
            }
        }

        @Override
        public void close() {
            Sys.close(to);
            if (from >= 0) {
                Sys.close(from);
            }
            table.close();
            linked.close();
            conversations.close();
            drops.close();
        }
    }

    @Test
    void theKernelDecidesAsTheRulesRead() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 60; round++) {
            List<Rule> rules = new ArrayList<>();
            for (int i = random.nextInt(6); i > 0; i--) {
                rules.add(rule(random));
            }
            Set<Pair> pairs = new HashSet<>();
            for (int i = random.nextInt(4); i > 0; i--) {
                pairs.add(new Pair(1 + random.nextInt(2), 1 + random.nextInt(2)));
            }
            GroupPolicy policy = new GroupPolicy(List.of(SUBNET), random.nextBoolean(), rules);
            Map<Integer, Member> members = new HashMap<>();
            for (int i = 0; i < 8; i++) {
                members.put(
                        Cidr.parseAddress("10.42.1." + i),
                        random.nextInt(6) == 0
                                ? Member.EXEMPT
                                : new Member(false, List.of(random.nextInt(3), random.nextInt(3), random.nextInt(2))));
            }
            try (Loaded loaded = new Loaded(policy, members, pairs.toArray(Pair[]::new))) {
                for (int i = 0; i < 40; i++) {
                    int source = Cidr.parseAddress("10.42.1." + random.nextInt(9));
                    int destination = Cidr.parseAddress("10.42.1." + random.nextInt(9));
                    assertThat(loaded.passes(tcp(source, 1000, destination, 80, SYN)))
                            .as("seed %d, %s, %s to %s of %s, %s", seed, policy, source, destination, members, pairs)
                            .isEqualTo(expected(policy, members.get(source), members.get(destination), pairs));
                }
            }
        }
    }

    private static Rule rule(Random random) {
        return switch (random.nextInt(3)) {
            case 0 -> new Same(random.nextInt(3), random.nextBoolean());
            case 1 -> new Linked(random.nextInt(3), random.nextBoolean());
            default -> new Between(random.nextInt(3), random.nextInt(3), random.nextBoolean());
        };
    }

    /** The rules in words, once more. */
    private static boolean expected(GroupPolicy policy, Member from, Member to, Set<Pair> pairs) {
        if (from != null && from.exempt() || from != null && to != null && to.exempt()) {
            return true;
        }
        if (from == null || to == null) {
            return policy.allowByDefault();
        }
        for (Rule rule : policy.rules()) {
            if (rule.fits(from.numbers(), to.numbers(), pairs)) {
                return rule.allow();
            }
        }
        return policy.allowByDefault();
    }

    @Test
    void theLongestPolicyIsLoaded() {
        List<Rule> rules = new ArrayList<>();
        for (int i = 0; i < GroupPolicy.MAX_RULES; i++) {
            rules.add(
                    i % 3 == 2
                            ? new Linked(i % GroupPolicy.KINDS, true)
                            : new Between(i % GroupPolicy.KINDS, (i + 1) % GroupPolicy.KINDS, i % 2 == 0));
        }
        List<Cidr> subnets =
                new ArrayList<>(Collections.nCopies(GroupPolicy.MAX_SUBNETS - 1, Cidr.parse("10.9.0.0/24")));
        subnets.add(SUBNET);
        try (Loaded loaded = new Loaded(new GroupPolicy(subnets, false, rules), oneWayMembers())) {
            assertThat(loaded.passes(tcp(STRANGER, 1, DB, 80, SYN))).isFalse();
            assertThat(loaded.passes(tcp(WEB, 1, DB, 80, SYN))).isTrue();
        }
        assertThatThrownBy(() -> new GroupPolicy(List.of(), true, List.of()))
                .hasMessage("subnets: 0 (expected: 1 to 16)");
        rules.add(new Same(0, true));
        assertThatThrownBy(() -> new GroupPolicy(subnets, true, rules)).hasMessage("rules: 65 (expected: at most 64)");
    }

    @Test
    void everyEndOfTheRulesLoads() {
        for (boolean byDefault : new boolean[] {true, false}) {
            for (boolean first : new boolean[] {true, false}) {
                new Loaded(new GroupPolicy(List.of(SUBNET), byDefault, List.of()), Map.of()).close();
                new Loaded(new GroupPolicy(List.of(SUBNET), byDefault, List.of(new Between(0, 1, first))), Map.of())
                        .close();
                new Loaded(new GroupPolicy(List.of(SUBNET), byDefault, List.of(new Same(0, first))), Map.of()).close();
                new Loaded(new GroupPolicy(List.of(SUBNET), byDefault, List.of(new Linked(0, first))), Map.of())
                        .close();
            }
        }
    }

    @Test
    void linkedGroupsSpeakInTheDirectionOfTheLinkAndAnswersPass() {
        GroupPolicy policy = new GroupPolicy(List.of(SUBNET), false, List.of(new Linked(0, true)));
        Map<Integer, Member> members =
                Map.of(WEB, new Member(false, List.of(7)), DB, new Member(false, List.of(8)), HOST, Member.EXEMPT);
        try (Loaded loaded = new Loaded(policy, members, new Pair(7, 8), new Pair(8, 9))) {
            assertThat(loaded.passes(tcp(WEB, 4000, DB, 80, SYN))).isTrue();
            assertThat(loaded.passes(tcp(DB, 80, WEB, 4000, SYN | ACK))).isFalse();
            loaded.sends(tcp(WEB, 4000, DB, 80, SYN));
            assertThat(loaded.passes(tcp(DB, 80, WEB, 4000, SYN | ACK))).isTrue();
            assertThat(loaded.passes(tcp(DB, 81, WEB, 4000, SYN))).isFalse();
            loaded.linked.remove(7, 8);
            assertThat(loaded.passes(tcp(WEB, 4000, DB, 80, ACK)))
                    .as("the link is gone")
                    .isFalse();
            assertThat(loaded.passes(tcp(DB, 80, WEB, 4000, ACK)))
                    .as("its answers too")
                    .isFalse();
        }
    }

    private static Map<Integer, Member> oneWayMembers() {
        return Map.of(WEB, new Member(false, List.of(1, 0)), DB, new Member(false, List.of(0, 1)), HOST, Member.EXEMPT);
    }

    private static Loaded oneWay() {
        return new Loaded(new GroupPolicy(List.of(SUBNET), false, List.of(new Between(0, 1, true))), oneWayMembers());
    }

    @Test
    void answersPassAndNothingElseInTheOtherDirection() {
        try (Loaded loaded = oneWay()) {
            assertThat(loaded.passes(tcp(WEB, 4000, DB, 80, SYN))).isTrue();
            assertThat(loaded.passes(tcp(DB, 80, WEB, 4000, SYN | ACK))).isFalse();
            loaded.sends(tcp(WEB, 4000, DB, 80, SYN));
            assertThat(loaded.passes(tcp(DB, 80, WEB, 4000, SYN | ACK))).isTrue();
            assertThat(loaded.passes(tcp(DB, 80, WEB, 4000, ACK))).isTrue();
            assertThat(loaded.passes(tcp(DB, 80, WEB, 4000, SYN)))
                    .as("a new connection from the same port")
                    .isFalse();
            assertThat(loaded.passes(tcp(DB, 81, WEB, 4000, ACK))).isFalse();
            assertThat(loaded.passes(tcp(DB, 80, WEB, 4001, ACK))).isFalse();
            assertThat(loaded.passes(udp(DB, 80, WEB, 4000, 0))).isFalse();
            loaded.sends(udp(WEB, 53, DB, 5353, 0));
            assertThat(loaded.passes(udp(DB, 5353, WEB, 53, 0))).isTrue();
            assertThat(loaded.passes(udp(DB, 53, WEB, 5353, 0))).isFalse();
        }
    }

    @Test
    void whatTheRulesDenyLeavesNoMemoryThatWouldOpenTheOtherDirection() {
        try (Loaded loaded = oneWay()) {
            loaded.sends(udp(DB, 53, WEB, 5353, 0));
            assertThat(loaded.passes(udp(WEB, 5353, DB, 53, 0)))
                    .as("allowed anyway")
                    .isTrue();
            loaded.sends(udp(STRANGER, 53, WEB, 5353, 0));
            assertThat(loaded.passes(udp(WEB, 5353, STRANGER, 53, 0))).isFalse();
        }
    }

    @Test
    void icmpIsAnsweredAndErrorsComeBack() {
        try (Loaded loaded = oneWay()) {
            assertThat(loaded.passes(icmp(DB, WEB, 0, 7))).isFalse();
            loaded.sends(icmp(WEB, DB, 8, 7));
            assertThat(loaded.passes(icmp(DB, WEB, 0, 7))).isTrue();
            assertThat(loaded.passes(icmp(DB, WEB, 0, 8))).as("another ping's").isFalse();
            assertThat(loaded.passes(icmp(DB, WEB, 8, 7))).as("a ping").isFalse();
            assertThat(loaded.passes(icmp(DB, WEB, 3, 0)))
                    .as("too big, about what WEB may send")
                    .isTrue();
            assertThat(loaded.passes(icmp(STRANGER, WEB, 3, 0))).isFalse();
        }
    }

    @Test
    void fragmentsFollowTheirFirstOne() {
        try (Loaded loaded = oneWay()) {
            loaded.sends(udp(WEB, 53, DB, 5353, 0));
            assertThat(loaded.passes(udp(DB, 5353, WEB, 53, 0x2000)))
                    .as("the first")
                    .isTrue();
            assertThat(loaded.passes(udp(DB, 5354, WEB, 53, 0x2000)))
                    .as("another's first")
                    .isFalse();
            assertThat(loaded.passes(udp(DB, 9999, WEB, 9999, 0x00b9)))
                    .as("the last, without ports")
                    .isTrue();
            assertThat(loaded.passes(udp(STRANGER, 9999, WEB, 9999, 0x00b9))).isFalse();
        }
    }

    @Test
    void onlyPacketsWithinTheSubnetsAreJudgedAndHostsAreExempt() {
        try (Loaded loaded = oneWay()) {
            assertThat(loaded.passes(tcp(OUTSIDE, 1, WEB, 80, SYN))).isTrue();
            assertThat(loaded.passes(tcp(HOST, 1, WEB, 80, SYN))).isTrue();
            assertThat(loaded.passes(tcp(STRANGER, 1, WEB, 80, SYN))).isFalse();
            byte[] arp = tcp(STRANGER, 1, WEB, 80, SYN);
            ByteBuffer.wrap(arp).putShort(12, (short) 0x0806);
            assertThat(loaded.passes(arp)).isTrue();
            byte[] ipv6 = tcp(STRANGER, 1, WEB, 80, SYN);
            ByteBuffer.wrap(ipv6).putShort(12, (short) 0x86dd);
            assertThat(loaded.passes(ipv6)).as("by default").isFalse();
            assertThat(loaded.drops.count()).isEqualTo(2);
        }
    }

    @Test
    void packetsThatEndTooSoonAreDropped() {
        try (Loaded loaded = oneWay()) {
            loaded.sends(Arrays.copyOf(tcp(WEB, 4000, DB, 80, SYN), 36));
            assertThat(loaded.passes(Arrays.copyOf(tcp(DB, 80, WEB, 4000, ACK), 40)))
                    .isFalse();
        }
    }

    private static byte[] tcp(int source, int sourcePort, int destination, int destinationPort, int flags) {
        byte[] frame = packet(source, destination, TCP, 0, 20);
        ByteBuffer.wrap(frame)
                .putShort(34, (short) sourcePort)
                .putShort(36, (short) destinationPort)
                .put(47, (byte) flags);
        return frame;
    }

    private static byte[] udp(int source, int sourcePort, int destination, int destinationPort, int fragment) {
        byte[] frame = packet(source, destination, UDP, fragment, 8);
        ByteBuffer.wrap(frame).putShort(34, (short) sourcePort).putShort(36, (short) destinationPort);
        return frame;
    }

    private static byte[] icmp(int source, int destination, int type, int id) {
        byte[] frame = packet(source, destination, 1, 0, 8);
        ByteBuffer.wrap(frame).put(34, (byte) type).putShort(38, (short) id);
        return frame;
    }

    private static byte[] packet(int source, int destination, int protocol, int fragment, int bytes) {
        return ByteBuffer.allocate(34 + bytes)
                .putShort(12, (short) 0x0800)
                .put(14, (byte) 0x45)
                .putShort(16, (short) (20 + bytes))
                .putShort(20, (short) fragment)
                .put(23, (byte) protocol)
                .putInt(26, source)
                .putInt(30, destination)
                .array();
    }
}
