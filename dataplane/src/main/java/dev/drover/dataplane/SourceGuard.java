package dev.drover.dataplane;

/**
 * Lets through an interface only what its owner may send: IPv4 from one address and ARP about it, both from one MAC. A
 * program of traffic control (clsact, {@code cls_bpf}) on the ingress of the interface, which is the host's end of a
 * container's wire; it stays in force when the process ends, until the interface goes. Packets it drops are counted.
 *
 * <p>Thread-safe. Interfaces are those of the namespace in which the {@link Rtnetlink} was opened.
 */
public final class SourceGuard implements AutoCloseable {
    /** Before a {@link PolicyGuard}, which notes what is let through here. */
    private static final int PRIORITY = 1;

    private static final String NAME = "drover_source";

    private static final int TYPE_IPV4 = Short.toUnsignedInt(Short.reverseBytes((short) 0x0800));
    private static final int TYPE_ARP = Short.toUnsignedInt(Short.reverseBytes((short) 0x0806));
    private static final int IPV4_SOURCE = 14 + 12;
    private static final int ARP_SENDER_MAC = 14 + 8;
    private static final int ARP_SENDER_ADDRESS = 14 + 14;

    /** Places on the stack, aligned for what is read there. */
    private static final int ETHERNET = -46;

    private static final int ETHERNET_SOURCE = ETHERNET + 6;
    private static final int ETHERNET_TYPE = ETHERNET + 12;
    private static final int MAC = -24;
    private static final int ADDRESS = -16;
    private static final int KEY = -8;
    private static final int CONTEXT = 6;

    private final Rtnetlink rtnetlink;
    private final BpfMap counter;
    private boolean closed;

    private SourceGuard(Rtnetlink rtnetlink, BpfMap counter) {
        this.rtnetlink = rtnetlink;
        this.counter = counter;
    }

    /** @throws SysException the kernel has no BPF, or the process may not use it */
    public static SourceGuard open(Rtnetlink rtnetlink) {
        return new SourceGuard(rtnetlink, BpfMap.counter());
    }

    /**
     * Guards an interface, instead of what guarded it before.
     *
     * @param interfaceIndex where the owner's packets enter the host
     * @param address IPv4, host byte order
     * @throws SysException the interface is gone, or the kernel has no clsact or cls_bpf
     */
    public void guard(int interfaceIndex, Mac mac, int address) {
        int program = program(mac, Integer.reverseBytes(address)).load(NAME);
        try {
            rtnetlink.filters().ensureHooks(interfaceIndex);
            rtnetlink.filters().replace(interfaceIndex, Filters.Hook.INGRESS, PRIORITY, program, NAME);
        } finally {
            Sys.close(program); // the filter holds it
        }
    }

    /** @param address in the order of the wire */
    private Bpf program(Mac mac, int address) {
        byte[] bytes = mac.bytes();
        int high = (bytes[0] & 0xff) | (bytes[1] & 0xff) << 8 | (bytes[2] & 0xff) << 16 | bytes[3] << 24;
        int low = (bytes[4] & 0xff) | (bytes[5] & 0xff) << 8;
        return new Bpf()
                .copy(CONTEXT, 1)
                .packet(CONTEXT, 0, ETHERNET, 14, "drop")
                .load32(1, Bpf.STACK, ETHERNET_SOURCE)
                .unless(1, high, "drop")
                .load16(1, Bpf.STACK, ETHERNET_SOURCE + 4)
                .unless(1, low, "drop")
                .load16(1, Bpf.STACK, ETHERNET_TYPE)
                .when(1, TYPE_ARP, "arp")
                .unless(1, TYPE_IPV4, "drop")
                .packet(CONTEXT, IPV4_SOURCE, ADDRESS, 4, "drop")
                .load32(1, Bpf.STACK, ADDRESS)
                .unless(1, address, "drop")
                .exit(Bpf.NEXT)
                .label("arp")
                .packet(CONTEXT, ARP_SENDER_MAC, MAC, 6, "drop")
                .load32(1, Bpf.STACK, MAC)
                .unless(1, high, "drop")
                .load16(1, Bpf.STACK, MAC + 4)
                .unless(1, low, "drop")
                .packet(CONTEXT, ARP_SENDER_ADDRESS, ADDRESS, 4, "drop")
                .load32(1, Bpf.STACK, ADDRESS)
                .when(1, 0, "pass") // a probe whether an address is free (RFC 5227)
                .unless(1, address, "drop")
                .label("pass")
                .exit(Bpf.NEXT)
                .label("drop")
                .count(counter, KEY, "dropped")
                .exit(Bpf.DROP);
    }

    /** Packets dropped on all interfaces that this object has guarded. */
    public synchronized long drops() {
        return closed ? 0 : counter.count();
    }

    /** Ends the counting; what is guarded stays guarded. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            counter.close();
        }
    }
}
