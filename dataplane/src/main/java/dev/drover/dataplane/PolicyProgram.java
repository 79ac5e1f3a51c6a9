package dev.drover.dataplane;

import dev.drover.dataplane.GroupPolicy.Between;
import dev.drover.dataplane.GroupPolicy.Linked;
import dev.drover.dataplane.GroupPolicy.Rule;
import dev.drover.dataplane.GroupPolicy.Same;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Writes a {@link GroupPolicy} as programs for the host's end of a container's wire.
 *
 * <p>{@link #toContainer} decides about what is going to a container. A packet that the rules deny is let through all the
 * same when it answers: when the rules allow the other direction and the container has sent to that address and port.
 * {@link #fromContainer} notes that, and only for pairs where it matters: what may be begun from both ends needs no memory.
 *
 * <pre>
 *  member, by address (as on the wire):   | flags 4 | group of kind 0 4 | … | group of kind 14 4 |
 *  linked groups:   | from 4 | to 4 |  →  | 4 bytes without meaning |
 *  conversation:    | container 4 | other 4 | container's port 2 | other's port 2 | protocol 4 |  →  | seen 8 |
 * </pre>
 */
final class PolicyProgram {
    static final int MEMBER_WORDS = 1 + GroupPolicy.KINDS;
    static final int EXEMPT = 1;
    static final int PAIR_WORDS = 2;
    static final int LINKED_WORDS = 1;
    static final int CONVERSATION_BYTES = 16;
    static final int SEEN_BYTES = 8;

    private static final int TYPE_IPV4 = Short.toUnsignedInt(Short.reverseBytes((short) 0x0800));
    private static final int TYPE_ARP = Short.toUnsignedInt(Short.reverseBytes((short) 0x0806));
    private static final int ETHERNET_BYTES = 14;
    private static final int IPV4_BYTES = 20;
    private static final int ICMP = 1;
    private static final int TCP = 6;
    private static final int UDP = 17;
    private static final int SCTP = 132;
    private static final int FRAGMENT_OFFSET = Short.toUnsignedInt(Short.reverseBytes((short) 0x1fff));
    private static final int TCP_FLAGS = 13;
    private static final int TCP_SYN_ACK = 0x12;
    private static final int TCP_SYN = 0x02;
    private static final int ECHO_REPLY = 0;
    private static final int UNREACHABLE = 3;
    private static final int ECHO = 8;
    private static final int TIME_EXCEEDED = 11;
    private static final int PARAMETER_PROBLEM = 12;

    /** Idle times in units of 2^30 ns: five days as the kernel's own tracking gives TCP, three minutes for the rest. */
    private static final int SEEN_SHIFT = 30;

    private static final int TCP_IDLE = 402_331;
    private static final int OTHER_IDLE = 168;

    /** Places on the stack. */
    private static final int ETHERNET = -16;

    private static final int TYPE = ETHERNET + 12;
    private static final int IP = -40;
    private static final int SOURCE = IP + 12;
    private static final int DESTINATION = IP + 16;
    private static final int CONVERSATION = -56;
    private static final int PORTS = CONVERSATION + 8;
    private static final int PROTOCOL = CONVERSATION + 12;
    private static final int TRANSPORT = -72;
    private static final int SEEN = -80;
    private static final int KEY = -88;
    private static final int PAIR = -96;

    /** Registers that helpers leave alone. */
    private static final int CONTEXT = 6;

    private static final int TO = 7;
    private static final int FROM = 8;
    private static final int OFFSET = 9;

    private final GroupPolicy policy;
    private final BpfMap members;
    private final @Nullable BpfMap linked;
    private final @Nullable BpfMap conversations;
    private int labels;

    /**
     * @param linked null for a policy without rules about linked groups
     * @param conversations null for a policy that does not tell directions apart
     */
    PolicyProgram(GroupPolicy policy, BpfMap members, @Nullable BpfMap linked, @Nullable BpfMap conversations) {
        this.policy = policy;
        this.members = members;
        this.linked = linked;
        this.conversations = conversations;
    }

    /** What comes to the container: ARP, what is allowed, and answers. */
    Bpf toContainer(BpfMap drops) {
        Bpf code = new Bpf().copy(CONTEXT, 1);
        String byDefault = policy.allowByDefault() ? "pass" : "drop";
        code.packet(CONTEXT, 0, ETHERNET, ETHERNET_BYTES, "drop")
                .load16(1, Bpf.STACK, TYPE)
                .when(1, TYPE_ARP, "pass")
                .unless(1, TYPE_IPV4, byDefault)
                .packet(CONTEXT, ETHERNET_BYTES, IP, IPV4_BYTES, "drop");
        members(code, "pass", byDefault);
        rules(code, FROM, TO, "pass", conversations == null ? "drop" : "denied");
        if (conversations != null) {
            code.label("denied");
            rules(code, TO, FROM, "answer", "drop");
            code.label("answer");
            answer(code, conversations);
        }
        return code.label("pass")
                .exit(Bpf.NEXT)
                .label("drop")
                .count(drops, KEY, "dropped")
                .exit(Bpf.DROP);
    }

    /** What comes from the container: nothing is dropped here, what it begins is noted. */
    Bpf fromContainer(BpfMap noted) {
        Bpf code = new Bpf().copy(CONTEXT, 1);
        code.packet(CONTEXT, 0, ETHERNET, ETHERNET_BYTES, "pass")
                .load16(1, Bpf.STACK, TYPE)
                .unless(1, TYPE_IPV4, "pass")
                .packet(CONTEXT, ETHERNET_BYTES, IP, IPV4_BYTES, "pass");
        members(code, "pass", "pass");
        rules(code, FROM, TO, "allowed", "pass");
        code.label("allowed");
        rules(code, TO, FROM, "pass", "oneWay");
        code.label("oneWay");
        conversation(code, SOURCE, DESTINATION, 0, ECHO, "pass", "pass");
        return code.label("known")
                .call(Bpf.CLOCK_NS)
                .storeRegister64(Bpf.STACK, SEEN, 0)
                .map(1, noted.fd())
                .copy(2, Bpf.STACK)
                .plus(2, CONVERSATION)
                .copy(3, Bpf.STACK)
                .plus(3, SEEN)
                .move(4, 0)
                .call(Bpf.MAP_UPDATE)
                .label("pass")
                .exit(Bpf.NEXT);
    }

    /** FROM and TO become what is known of source and destination. */
    private void members(Bpf code, String outside, String unknown) {
        within(code, SOURCE, outside);
        within(code, DESTINATION, outside);
        member(code, SOURCE, FROM, outside, unknown);
        member(code, DESTINATION, TO, outside, unknown);
    }

    private void within(Bpf code, int address, String outside) {
        String inside = fresh();
        for (Cidr subnet : policy.subnets()) {
            code.load32(1, Bpf.STACK, address)
                    .and32(1, Integer.reverseBytes(Cidr.mask(subnet.prefixLength())))
                    .when(1, Integer.reverseBytes(subnet.network()), inside);
        }
        code.jump(outside).label(inside);
    }

    private void member(Bpf code, int address, int register, String exempt, String unknown) {
        code.load32(1, Bpf.STACK, address)
                .storeRegister32(Bpf.STACK, KEY, 1)
                .lookUp(members, KEY)
                .whenNull(0, unknown)
                .copy(register, 0)
                .load32(1, register, 0)
                .unless(1, 0, exempt);
    }

    private void rules(Bpf code, int from, int to, String allowed, String denied) {
        for (Rule rule : policy.rules()) {
            String next = fresh();
            switch (rule) {
                case Same same ->
                    code.load32(1, from, word(same.kind()))
                            .when(1, 0, next)
                            .load32(2, to, word(same.kind()))
                            .unlessSame(1, 2, next);
                case Between between ->
                    code.load32(1, from, word(between.from()))
                            .when(1, 0, next)
                            .load32(1, to, word(between.to()))
                            .when(1, 0, next);
                case Linked pair -> linked(code, from, to, word(pair.kind()), next);
            }
            code.jump(rule.allow() ? allowed : denied).label(next);
        }
        code.jump(policy.allowByDefault() ? allowed : denied);
    }

    /** The rules' registers outlive the call. Without a group is in no pair: numbers begin at 1. */
    private void linked(Bpf code, int from, int to, int word, String next) {
        code.load32(1, from, word)
                .storeRegister32(Bpf.STACK, PAIR, 1)
                .load32(1, to, word)
                .storeRegister32(Bpf.STACK, PAIR + Integer.BYTES, 1)
                .lookUp(Objects.requireNonNull(linked), PAIR)
                .whenNull(0, next);
    }

    private static int word(int kind) {
        return Integer.BYTES * (1 + kind);
    }

    /**
     * Goes on at {@code pass} for what answers the container. A segment that would open a connection never does. Parts of
     * a packet but the first are let through: without the first, which has the ports, nobody can put them together.
     */
    private void answer(Bpf code, BpfMap conversations) {
        conversation(code, DESTINATION, SOURCE, Short.BYTES, ECHO_REPLY, "drop", "error");
        code.label("known")
                .lookUp(conversations, CONVERSATION)
                .whenNull(0, "drop")
                .copy(OFFSET, 0)
                .call(Bpf.CLOCK_NS)
                .load64(1, OFFSET, 0)
                .minusRegister(0, 1)
                .shiftRight(0, SEEN_SHIFT)
                .load32(1, Bpf.STACK, PROTOCOL)
                .when(1, TCP, "tcpSeen")
                .whenAbove(0, OTHER_IDLE, "drop")
                .jump("pass")
                .label("tcpSeen")
                .whenAbove(0, TCP_IDLE, "drop")
                .load8(1, Bpf.STACK, TRANSPORT + TCP_FLAGS)
                .and32(1, TCP_SYN_ACK)
                .when(1, TCP_SYN, "drop")
                .jump("pass");
        code.label("error") // about a packet that may be sent
                .load8(1, Bpf.STACK, TRANSPORT)
                .when(1, UNREACHABLE, "pass")
                .when(1, TIME_EXCEEDED, "pass")
                .when(1, PARAMETER_PROBLEM, "pass")
                .jump("drop");
    }

    /**
     * Fills in CONVERSATION and goes on at {@code known}; with parts of a packet but the first at {@code pass}.
     *
     * @param own place of the container's address
     * @param ownPort offset of its port in the transport header: that of the source, or that of the destination
     * @param echo type of ICMP that has a number to be known by
     * @param cut where to go on with a packet that ends within its transport header
     * @param otherIcmp where to go on with ICMP of another type
     */
    private static void conversation(
            Bpf code, int own, int other, int ownPort, int echo, String cut, String otherIcmp) {
        code.load16(1, Bpf.STACK, IP + 6)
                .and32(1, FRAGMENT_OFFSET)
                .unless(1, 0, "pass")
                .load32(1, Bpf.STACK, own)
                .storeRegister32(Bpf.STACK, CONVERSATION, 1)
                .load32(1, Bpf.STACK, other)
                .storeRegister32(Bpf.STACK, CONVERSATION + 4, 1)
                .store32(Bpf.STACK, PORTS, 0)
                .load8(1, Bpf.STACK, IP + 9)
                .storeRegister32(Bpf.STACK, PROTOCOL, 1)
                .load8(OFFSET, Bpf.STACK, IP)
                .and32(OFFSET, 0x0f)
                .shiftLeft(OFFSET, 2)
                .plus(OFFSET, ETHERNET_BYTES)
                .when(1, TCP, "tcp")
                .when(1, UDP, "ports")
                .when(1, SCTP, "ports")
                .when(1, ICMP, "icmp")
                .jump("known")
                .label("tcp")
                .packetAt(CONTEXT, OFFSET, TRANSPORT, TCP_FLAGS + 1, cut)
                .jump("both")
                .label("ports")
                .packetAt(CONTEXT, OFFSET, TRANSPORT, Integer.BYTES, cut)
                .label("both")
                .load16(1, Bpf.STACK, TRANSPORT + ownPort)
                .storeRegister16(Bpf.STACK, PORTS, 1)
                .load16(1, Bpf.STACK, TRANSPORT + (Short.BYTES - ownPort))
                .storeRegister16(Bpf.STACK, PORTS + 2, 1)
                .jump("known")
                .label("icmp")
                .packetAt(CONTEXT, OFFSET, TRANSPORT, Long.BYTES, cut)
                .load8(1, Bpf.STACK, TRANSPORT)
                .unless(1, echo, otherIcmp)
                .load16(1, Bpf.STACK, TRANSPORT + 4)
                .storeRegister16(Bpf.STACK, PORTS, 1)
                .jump("known");
    }

    private String fresh() {
        labels++;
        return "l" + labels;
    }
}
