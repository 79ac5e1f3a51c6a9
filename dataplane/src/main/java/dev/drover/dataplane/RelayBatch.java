package dev.drover.dataplane;

/**
 * Datagrams that one system call receives on one socket and that leave from where they lie on another, whole as UDP allows
 * them: {@link DatagramBatch} for a relay, whose slots also tell the local address that a datagram was sent to, and say which
 * one it is to come from ({@code ip(7)}, {@code ipv6(7)}: IP_PKTINFO, IPV6_PKTINFO).
 *
 * <pre>
 *  receive(a)  | name, local address | data |      sendConnected(b)   | data |
 *                                                  sendTo(c)          | name, local address | data |
 * </pre>
 *
 * Laid out once in a {@link Slab}, nothing is allocated afterwards. Used by one thread.
 */
public final class RelayBatch {
    /** Room of a datagram; none is longer (65,507 bytes over IPv4, 65,527 over IPv6). */
    private static final int SLOT_BYTES = 65_536;

    private static final int CACHE_LINE_BYTES = 64;
    private static final int MSG_DONTWAIT = 0x40;

    private static final int IPPROTO_IP = 0;
    private static final int IP_PKTINFO = 8;
    private static final int IPPROTO_IPV6 = 41;
    private static final int IPV6_PKTINFO = 50;

    /** {@code struct cmsghdr}: length of all, level, type. */
    private static final int CONTROL_LEVEL = 8;

    private static final int CONTROL_TYPE = 12;
    private static final int CONTROL_DATA = 16;
    /** {@code struct in_pktinfo}: interface, address here, address in the header. */
    private static final int PKTINFO_SPEC_DST = CONTROL_DATA + 4;

    private static final int PKTINFO_BYTES = CONTROL_DATA + 12;
    private static final int PKTINFO_SPACE = 32;
    /** {@code struct in6_pktinfo}: address, interface. */
    private static final int PKTINFO6_BYTES = CONTROL_DATA + 20;

    private static final int PKTINFO6_SPACE = 40;
    private static final int CONTROL_BYTES = 64;

    private final int slots;
    private final long messages;
    private final long names;
    private final long controls;
    private final long iovecs;
    private final long buffers;
    private int used;

    /** @param slots most datagrams a call */
    public RelayBatch(int slots, Slab slab) {
        this.slots = slots;
        messages = slab.allocate(slots * (long) MessageHeader.BYTES);
        names = slab.allocate(slots * (long) SocketName.BYTES);
        controls = slab.allocate(slots * (long) CONTROL_BYTES);
        iovecs = slab.allocate(slots * (long) MessageHeader.IOVEC_BYTES);
        buffers = slab.allocate(slots * (long) (SLOT_BYTES + CACHE_LINE_BYTES));
        for (int i = 0; i < slots; i++) {
            Memory.putLong(message(i) + MessageHeader.IOVEC, iovec(i));
            Memory.putLong(message(i) + MessageHeader.IOVEC_COUNT, 1);
            // One cache line more than a power of two: else the beginnings of all would share one set of the cache.
            Memory.putLong(iovec(i), buffers + i * (long) (SLOT_BYTES + CACHE_LINE_BYTES));
        }
        used = slots;
    }

    /**
     * {@code recvmmsg(2)}, without waiting; what was received before is gone.
     *
     * @return datagrams received, or {@code -errno}
     */
    public int receive(int fd) {
        for (int i = 0; i < used; i++) {
            long message = message(i);
            Memory.putLong(message + MessageHeader.NAME, name(i));
            Memory.putInt(message + MessageHeader.NAME_LENGTH, SocketName.BYTES);
            Memory.putLong(message + MessageHeader.CONTROL, control(i));
            Memory.putLong(message + MessageHeader.CONTROL_LENGTH, CONTROL_BYTES);
            Memory.putLong(iovec(i) + MessageHeader.IOVEC_LENGTH, SLOT_BYTES);
        }
        int count = Sys.recvmmsg(fd, messages, slots, MSG_DONTWAIT);
        used = Math.max(0, count);
        for (int i = 0; i < count; i++) {
            Memory.putLong(iovec(i) + MessageHeader.IOVEC_LENGTH, length(i));
        }
        return count;
    }

    /** Bytes of a datagram received. */
    public int length(int slot) {
        return Memory.getInt(message(slot) + MessageHeader.RECEIVED);
    }

    /** Address of the name of who sent the datagram, as {@link SocketName} reads it. */
    public long name(int slot) {
        return names + slot * (long) SocketName.BYTES;
    }

    /** Upper half of the local address that the datagram was sent to, of a socket that {@link UdpSocket#tellLocalAddress tells}; else 0. */
    public long localHigh(int slot) {
        return told(slot, IPPROTO_IPV6, IPV6_PKTINFO) ? Memory.getLongBe(control(slot) + CONTROL_DATA) : 0;
    }

    /** Lower half, an IPv4 address as if it were mapped. */
    public long localLow(int slot) {
        if (told(slot, IPPROTO_IPV6, IPV6_PKTINFO)) {
            return Memory.getLongBe(control(slot) + CONTROL_DATA + Long.BYTES);
        }
        return told(slot, IPPROTO_IP, IP_PKTINFO)
                ? SocketName.mapped(Memory.getIntBe(control(slot) + PKTINFO_SPEC_DST))
                : 0;
    }

    private boolean told(int slot, int level, int type) {
        return Memory.getLong(message(slot) + MessageHeader.CONTROL_LENGTH) > CONTROL_DATA
                && Memory.getInt(control(slot) + CONTROL_LEVEL) == level
                && Memory.getInt(control(slot) + CONTROL_TYPE) == type;
    }

    /**
     * {@code sendmmsg(2)} to the peer of a connected socket, without waiting.
     *
     * @return how many the kernel took, or {@code -errno} when it refused the first
     */
    public int sendConnected(int fd, int from, int to) {
        for (int i = from; i < to; i++) {
            Memory.putLong(message(i) + MessageHeader.NAME, 0);
            Memory.putInt(message(i) + MessageHeader.NAME_LENGTH, 0);
            Memory.putLong(message(i) + MessageHeader.CONTROL_LENGTH, 0);
        }
        return Sys.sendmmsg(fd, message(from), to - from, MSG_DONTWAIT);
    }

    /**
     * Addresses a datagram received, for {@link #sendTo}.
     *
     * @param v4 whether the socket it will leave on is of IPv4
     * @param localHigh as {@link #localHigh} told it
     * @param localLow as {@link #localLow} told it; 0 when the socket has only one address
     */
    public void address(int slot, SocketName to, boolean v4, long localHigh, long localLow) {
        long message = message(slot);
        to.put(name(slot));
        Memory.putLong(message + MessageHeader.NAME, name(slot));
        Memory.putInt(message + MessageHeader.NAME_LENGTH, to.length());
        if (localLow == 0 && localHigh == 0) {
            Memory.putLong(message + MessageHeader.CONTROL_LENGTH, 0);
            return;
        }
        long control = control(slot);
        Memory.putLong(control, v4 ? PKTINFO_BYTES : PKTINFO6_BYTES);
        Memory.putInt(control + CONTROL_LEVEL, v4 ? IPPROTO_IP : IPPROTO_IPV6);
        Memory.putInt(control + CONTROL_TYPE, v4 ? IP_PKTINFO : IPV6_PKTINFO);
        // No interface: the route, or the scope in the name, decides.
        if (v4) {
            Memory.putInt(control + CONTROL_DATA, 0);
            Memory.putIntBe(control + PKTINFO_SPEC_DST, (int) localLow);
        } else {
            Memory.putLongBe(control + CONTROL_DATA, localHigh);
            Memory.putLongBe(control + CONTROL_DATA + Long.BYTES, localLow);
            Memory.putInt(control + CONTROL_DATA + 2 * Long.BYTES, 0);
        }
        Memory.putLong(message + MessageHeader.CONTROL_LENGTH, v4 ? PKTINFO_SPACE : PKTINFO6_SPACE);
    }

    /** As {@link #sendConnected}, each where {@link #address} said. */
    public int sendTo(int fd, int from, int to) {
        return Sys.sendmmsg(fd, message(from), to - from, MSG_DONTWAIT);
    }

    private long message(int slot) {
        return messages + slot * (long) MessageHeader.BYTES;
    }

    private long control(int slot) {
        return controls + slot * (long) CONTROL_BYTES;
    }

    private long iovec(int slot) {
        return iovecs + slot * (long) MessageHeader.IOVEC_BYTES;
    }
}
