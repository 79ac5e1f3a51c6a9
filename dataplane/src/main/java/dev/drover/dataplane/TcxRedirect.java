package dev.drover.dataplane;

import java.nio.charset.StandardCharsets;

/**
 * Sends every packet that enters one interface out of another, inside the kernel: a program of a few instructions on the
 * TCX ingress hook (Linux 6.6 and later), loaded and attached by {@code bpf(2)}. It is in force as long as this object is
 * open and ends with the process at the latest.
 *
 * <p>Needs CAP_NET_ADMIN and CAP_BPF. Interfaces are those of the namespace of the calling thread. The packets pass by
 * netfilter's hooks and the routing of the input path.
 */
public final class TcxRedirect implements AutoCloseable {
    private static final int BPF_PROG_LOAD = 5;
    private static final int BPF_LINK_CREATE = 28;
    private static final int BPF_PROG_TYPE_SCHED_CLS = 3;
    private static final int BPF_TCX_INGRESS = 46;
    private static final int ATTRIBUTES_BYTES = 128;

    /** {@code BPF_ALU64 | BPF_MOV | BPF_K}, {@code BPF_JMP | BPF_CALL}, {@code BPF_JMP | BPF_EXIT}. */
    private static final int MOVE = 0xb7;

    private static final int CALL = 0x85;
    private static final int EXIT = 0x95;
    private static final int BPF_REDIRECT = 23;
    private static final int BPF_REDIRECT_NEIGH = 152;
    private static final int REDIRECT_ARGUMENTS = 2;
    private static final int REDIRECT_NEIGH_ARGUMENTS = 4;

    private final int link;
    private boolean closed;

    private TcxRedirect(int link) {
        this.link = link;
    }

    /**
     * Redirects as they are.
     *
     * @throws SysException when the kernel refuses; EINVAL before Linux 6.6
     */
    public static TcxRedirect verbatim(int from, int to) {
        return attach(from, to, BPF_REDIRECT, REDIRECT_ARGUMENTS);
    }

    /**
     * Redirects IP packets with the MAC addresses that routing table and neighbours of {@code to} give for their
     * destination; the kernel resolves a neighbour that it does not know yet.
     *
     * @throws SysException when the kernel refuses; EINVAL before Linux 6.6
     */
    public static TcxRedirect toNeighbour(int from, int to) {
        return attach(from, to, BPF_REDIRECT_NEIGH, REDIRECT_NEIGH_ARGUMENTS);
    }

    private static TcxRedirect attach(int from, int to, int helper, int arguments) {
        try (Slab slab = new Slab()) {
            int program = load(slab, to, helper, arguments);
            try {
                long attributes = slab.allocate(ATTRIBUTES_BYTES);
                Memory.putInt(attributes, program);
                Memory.putInt(attributes + 4, from);
                Memory.putInt(attributes + 8, BPF_TCX_INGRESS);
                return new TcxRedirect(Sys.check(
                        "attach redirect to interface " + from,
                        Sys.bpf(BPF_LINK_CREATE, attributes, ATTRIBUTES_BYTES)));
            } finally {
                Sys.close(program); // the link holds it
            }
        }
    }

    private static int load(Slab slab, int to, int helper, int arguments) {
        int count = arguments + 2;
        long code = slab.allocate(count * (long) Long.BYTES);
        instruction(code, MOVE, 1, to);
        for (int register = 2; register <= arguments; register++) {
            instruction(code + (register - 1) * (long) Long.BYTES, MOVE, register, 0);
        }
        instruction(code + arguments * (long) Long.BYTES, CALL, 0, helper);
        instruction(code + (arguments + 1) * (long) Long.BYTES, EXIT, 0, 0);
        byte[] license = "GPL\0".getBytes(StandardCharsets.US_ASCII);
        long licenseText = slab.allocate(license.length);
        Memory.copyIn(license, licenseText);
        long attributes = slab.allocate(ATTRIBUTES_BYTES);
        Memory.putInt(attributes, BPF_PROG_TYPE_SCHED_CLS);
        Memory.putInt(attributes + 4, count);
        Memory.putLong(attributes + 8, code);
        Memory.putLong(attributes + 16, licenseText);
        Memory.copyIn("drover_redirect".getBytes(StandardCharsets.US_ASCII), attributes + 48);
        Memory.putInt(attributes + 68, BPF_TCX_INGRESS);
        return Sys.check("load redirect program", Sys.bpf(BPF_PROG_LOAD, attributes, ATTRIBUTES_BYTES));
    }

    /** {@code struct bpf_insn}: opcode, registers, offset, immediate. */
    private static void instruction(long address, int opcode, int register, int immediate) {
        Memory.putByte(address, opcode);
        Memory.putByte(address + 1, register);
        Memory.putShort(address + 2, 0);
        Memory.putInt(address + 4, immediate);
    }

    /** Ends the redirection. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Sys.close(link);
        }
    }
}
