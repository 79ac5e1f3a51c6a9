package dev.drover.dataplane;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A small traffic-control program for the kernel, written instruction by instruction
 * (Linux {@code Documentation/bpf/standardization/instruction-set.rst}), by {@code bpf(2)}. Registers: the
 * context is in r1 at the start, arguments of helpers are r1 to r5, their result and that of the program is r0, r6 to r9
 * are kept over calls, r10 points to the end of a stack of 512 bytes. Needs CAP_BPF.
 */
final class Bpf {
    static final int TCX_INGRESS = 46;

    /** Results of a program: go on with the next one, or drop. */
    static final int NEXT = -1;

    static final int DROP = 2;

    static final int MAP_LOOKUP = 1;
    static final int MAP_UPDATE = 2;
    static final int CLOCK_NS = 5;
    static final int REDIRECT = 23;
    static final int LOAD_BYTES = 26;
    static final int REDIRECT_NEIGH = 152;
    static final int STACK = 10;

    private static final int PROGRAM_LOAD_COMMAND = 5;
    private static final int LINK_CREATE_COMMAND = 28;
    private static final int SCHED_CLS = 3;
    private static final int ATTRIBUTES_BYTES = 128;
    private static final int NAME_BYTES_MAX = 15;

    private static final int MOVE = 0xb7;
    private static final int MOVE_REGISTER = 0xbf;
    private static final int ADD = 0x07;
    private static final int LOAD_32 = 0x61;
    private static final int ADD_REGISTER = 0x0f;
    private static final int SUBTRACT_REGISTER = 0x1f;
    private static final int SHIFT_LEFT = 0x67;
    private static final int SHIFT_RIGHT = 0x77;
    private static final int AND_32 = 0x54;
    private static final int LOAD_16 = 0x69;
    private static final int LOAD_8 = 0x71;
    private static final int LOAD_64 = 0x79;
    private static final int STORE_32 = 0x62;
    private static final int STORE_REGISTER_16 = 0x6b;
    private static final int STORE_REGISTER_32 = 0x63;
    private static final int STORE_REGISTER_64 = 0x7b;
    private static final int ATOMIC_64 = 0xdb;
    private static final int LOAD_MAP = 0x18;
    private static final int MAP_FD = 1;
    private static final int JUMP = 0x05;
    private static final int JUMP_EQUAL_64 = 0x15;
    private static final int JUMP_EQUAL_32 = 0x16;
    private static final int JUMP_NOT_EQUAL_32 = 0x56;
    private static final int JUMP_NOT_EQUAL_REGISTER_32 = 0x5e;
    private static final int JUMP_ABOVE_64 = 0x25;
    private static final int CALL = 0x85;
    private static final int EXIT = 0x95;

    private record Instruction(int opcode, int destination, int source, int offset, int immediate, String target) {}

    private final List<Instruction> code = new ArrayList<>();
    private final Map<String, Integer> labels = new HashMap<>();

    private Bpf add(int opcode, int destination, int source, int offset, int immediate, String target) {
        code.add(new Instruction(opcode, destination, source, offset, immediate, target));
        return this;
    }

    Bpf move(int register, int value) {
        return add(MOVE, register, 0, 0, value, "");
    }

    Bpf copy(int register, int from) {
        return add(MOVE_REGISTER, register, from, 0, 0, "");
    }

    Bpf plus(int register, int value) {
        return add(ADD, register, 0, 0, value, "");
    }

    /** {@code register = *(u32 *) (base + offset)}. */
    Bpf load32(int register, int base, int offset) {
        return add(LOAD_32, register, base, offset, 0, "");
    }

    /** {@code register = *(u16 *) (base + offset)}. */
    Bpf load16(int register, int base, int offset) {
        return add(LOAD_16, register, base, offset, 0, "");
    }

    /** {@code register = *(u8 *) (base + offset)}. */
    Bpf load8(int register, int base, int offset) {
        return add(LOAD_8, register, base, offset, 0, "");
    }

    /** {@code register = *(u64 *) (base + offset)}. */
    Bpf load64(int register, int base, int offset) {
        return add(LOAD_64, register, base, offset, 0, "");
    }

    /** {@code register += other}. */
    Bpf plusRegister(int register, int other) {
        return add(ADD_REGISTER, register, other, 0, 0, "");
    }

    /** {@code register -= other}. */
    Bpf minusRegister(int register, int other) {
        return add(SUBTRACT_REGISTER, register, other, 0, 0, "");
    }

    Bpf shiftLeft(int register, int bits) {
        return add(SHIFT_LEFT, register, 0, 0, bits, "");
    }

    Bpf shiftRight(int register, int bits) {
        return add(SHIFT_RIGHT, register, 0, 0, bits, "");
    }

    /** {@code register = (u32) register & mask}. */
    Bpf and32(int register, int mask) {
        return add(AND_32, register, 0, 0, mask, "");
    }

    /** {@code *(u16 *) (base + offset) = register}. */
    Bpf storeRegister16(int base, int offset, int register) {
        return add(STORE_REGISTER_16, base, register, offset, 0, "");
    }

    /** {@code *(u32 *) (base + offset) = register}. */
    Bpf storeRegister32(int base, int offset, int register) {
        return add(STORE_REGISTER_32, base, register, offset, 0, "");
    }

    /** {@code *(u64 *) (base + offset) = register}. */
    Bpf storeRegister64(int base, int offset, int register) {
        return add(STORE_REGISTER_64, base, register, offset, 0, "");
    }

    /** {@code *(u32 *) (base + offset) = value}. */
    Bpf store32(int base, int offset, int value) {
        return add(STORE_32, base, 0, offset, value, "");
    }

    /** Atomically {@code *(u64 *) (base + offset) += register}. */
    Bpf increase64(int base, int offset, int register) {
        return add(ATOMIC_64, base, register, offset, 0, "");
    }

    /** {@code register = map}. */
    Bpf map(int register, int mapFd) {
        add(LOAD_MAP, register, MAP_FD, 0, mapFd, "");
        return add(0, 0, 0, 0, 0, "");
    }

    Bpf call(int helper) {
        return add(CALL, 0, 0, 0, helper, "");
    }

    /** Copies {@code length} bytes of the packet to the stack and jumps to {@code target} when it has none there. */
    Bpf packet(int context, int offset, int stackOffset, int length, String target) {
        return copy(1, context)
                .move(2, offset)
                .copy(3, STACK)
                .plus(3, stackOffset)
                .move(4, length)
                .call(LOAD_BYTES)
                .unless(0, 0, target);
    }

    /** As {@link #packet}, with the offset in a register from r6 to r9. */
    Bpf packetAt(int context, int offsetRegister, int stackOffset, int length, String target) {
        return copy(1, context)
                .copy(2, offsetRegister)
                .copy(3, STACK)
                .plus(3, stackOffset)
                .move(4, length)
                .call(LOAD_BYTES)
                .unless(0, 0, target);
    }

    /** Looks up the key at a place of the stack; r0 points to the value, or is null. r1 to r5 are lost. */
    Bpf lookUp(BpfMap map, int keyOffset) {
        return map(1, map.fd()).copy(2, STACK).plus(2, keyOffset).call(MAP_LOOKUP);
    }

    /** Jumps when the low 32 bits of the registers differ. */
    Bpf unlessSame(int register, int other, String target) {
        return add(JUMP_NOT_EQUAL_REGISTER_32, register, other, 0, 0, target);
    }

    /** Jumps when the register is above {@code value}, both unsigned. */
    Bpf whenAbove(int register, int value, String target) {
        return add(JUMP_ABOVE_64, register, 0, 0, value, target);
    }

    /** Jumps when the low 32 bits of the register are {@code value}. */
    Bpf when(int register, int value, String target) {
        return add(JUMP_EQUAL_32, register, 0, 0, value, target);
    }

    /** Jumps when the low 32 bits of the register are not {@code value}. */
    Bpf unless(int register, int value, String target) {
        return add(JUMP_NOT_EQUAL_32, register, 0, 0, value, target);
    }

    Bpf jump(String target) {
        return add(JUMP, 0, 0, 0, 0, target);
    }

    Bpf label(String name) {
        labels.put(name, code.size());
        return this;
    }

    Bpf exit(int result) {
        return move(0, result).exit();
    }

    Bpf exit() {
        return add(EXIT, 0, 0, 0, 0, "");
    }

    /**
     * Loads the program; the caller closes the descriptor.
     *
     * @param name at most 15 letters, digits and underscores, for those who list programs
     * @throws SysException the kernel or its verifier refuses
     */
    int load(String name) {
        try (Slab slab = new Slab()) {
            long instructions = slab.allocate(code.size() * (long) Long.BYTES);
            for (int i = 0; i < code.size(); i++) {
                encode(code.get(i), i, instructions + i * (long) Long.BYTES);
            }
            byte[] license = "GPL\0".getBytes(StandardCharsets.US_ASCII);
            long licenseText = slab.allocate(license.length);
            Memory.copyIn(license, licenseText);
            long attributes = slab.allocate(ATTRIBUTES_BYTES);
            Memory.putInt(attributes, SCHED_CLS);
            Memory.putInt(attributes + 4, code.size());
            Memory.putLong(attributes + 8, instructions);
            Memory.putLong(attributes + 16, licenseText);
            byte[] text = name.getBytes(StandardCharsets.US_ASCII);
            if (text.length > NAME_BYTES_MAX) {
                throw new IllegalArgumentException("program: " + name + " (expected: at most 15 bytes)");
            }
            Memory.copyIn(text, attributes + 48);
            return Sys.check("load program " + name, Sys.bpf(PROGRAM_LOAD_COMMAND, attributes, ATTRIBUTES_BYTES));
        }
    }

    private void encode(Instruction instruction, int index, long address) {
        int offset = instruction.offset;
        if (!instruction.target.isEmpty()) {
            Integer target = labels.get(instruction.target);
            if (target == null) {
                throw new IllegalStateException("label: " + instruction.target + " (expected: one that is set)");
            }
            offset = target - index - 1;
        }
        Memory.putByte(address, instruction.opcode);
        Memory.putByte(address + 1, instruction.destination | instruction.source << 4);
        Memory.putShort(address + 2, offset);
        Memory.putInt(address + 4, instruction.immediate);
    }

    /** A link of a program to the TCX ingress hook of an interface; it lasts as long as the descriptor. */
    static int linkIngress(int program, int interfaceIndex) {
        try (Slab slab = new Slab()) {
            long attributes = slab.allocate(ATTRIBUTES_BYTES);
            Memory.putInt(attributes, program);
            Memory.putInt(attributes + 4, interfaceIndex);
            Memory.putInt(attributes + 8, TCX_INGRESS);
            return Sys.check(
                    "attach program to interface " + interfaceIndex,
                    Sys.bpf(LINK_CREATE_COMMAND, attributes, ATTRIBUTES_BYTES));
        }
    }

    /** Counts up the only value of {@link BpfMap#counter} and goes on; r0 to r5 are lost. */
    Bpf count(BpfMap counter, int stackOffset, String next) {
        return store32(STACK, stackOffset, 0)
                .lookUp(counter, stackOffset)
                .whenNull(0, next)
                .move(1, 1)
                .increase64(0, 0, 1)
                .label(next);
    }

    /** Jumps when the pointer is null. */
    Bpf whenNull(int register, String target) {
        return add(JUMP_EQUAL_64, register, 0, 0, 0, target);
    }
}
