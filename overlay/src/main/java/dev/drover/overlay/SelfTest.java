package dev.drover.overlay;

import dev.drover.dataplane.Memory;
import dev.drover.dataplane.MessageHeader;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.SocketName;
import dev.drover.dataplane.Sys;
import dev.drover.dataplane.UdpSocket;
import java.net.Inet4Address;
import java.net.InetAddress;

/**
 * Finds out at start what this kernel can do. Whether it segments and aggregates UDP, by sending a segmented message
 * between two sockets of this host and comparing every byte that arrives; whether it carries super-frames whole, by
 * {@link SuperFrameProbe}.
 */
final class SelfTest {
    private static final int SEGMENT_BYTES = 1_000;
    private static final int SEGMENTS = 20;
    private static final int LENGTH = SEGMENT_BYTES * (SEGMENTS - 1) + 1;
    private static final int BUFFER_BYTES = 256 * 1024;
    private static final int TIMEOUT_MS = 200;
    private static final int POLLIN = 1;

    private SelfTest() {}

    /**
     * @param mode in force, never AUTO
     * @param reason why, for status and log
     */
    record Choice(Mode mode, String reason) {}

    /**
     * Resolves AUTO for a host with this underlay address; takes at most half a second.
     *
     * @param encrypted packets are sealed one by one: never SUPER
     * @throws IllegalStateException a mode is wanted that the kernel does not have
     */
    static Choice choose(Mode wanted, InetAddress vtep, int vni, boolean encrypted) {
        if (wanted == Mode.GSO || wanted == Mode.PLAIN) {
            return new Choice(wanted, "configured");
        }
        Choice datagrams = datagrams(vtep);
        if (encrypted) {
            // what the kernel cuts cannot be sealed
            return new Choice(datagrams.mode(), datagrams.reason() + "; not super: encrypted");
        }
        String problem = datagrams.mode() == Mode.GSO
                ? SuperFrameProbe.problem(vni, vtep instanceof Inet4Address)
                : datagrams.reason();
        if (problem == null) {
            return new Choice(Mode.SUPER, "self-test passed");
        }
        if (wanted == Mode.SUPER) {
            throw new IllegalStateException(
                    "mode: super (expected: auto, or a kernel that passes the self-test: " + problem + ")");
        }
        return datagrams.mode() == Mode.GSO
                ? new Choice(Mode.GSO, datagrams.reason() + "; not super: " + problem)
                : datagrams;
    }

    private static Choice datagrams(InetAddress vtep) {
        try (UdpSocket sender = UdpSocket.open(vtep, 0, false, BUFFER_BYTES);
                UdpSocket receiver = UdpSocket.open(vtep, 0, false, BUFFER_BYTES);
                Slab slab = new Slab()) {
            if (!sender.knowsSegmentation() || !receiver.enableGro()) {
                return new Choice(Mode.PLAIN, "the kernel has no UDP_SEGMENT or UDP_GRO (Linux 5.0)");
            }
            return exchange(sender.fd(), receiver.fd(), SocketName.of(vtep, receiver.port()), slab);
        }
    }

    private static Choice exchange(int sender, int receiver, SocketName name, Slab slab) {
        long out = slab.allocate(LENGTH);
        for (int i = 0; i < LENGTH; i++) {
            Memory.putByte(out + i, i * 31 + i / 251);
        }
        long message = slab.allocate(MessageHeader.BYTES);
        long address = slab.allocate(SocketName.BYTES);
        long iovec = slab.allocate(MessageHeader.IOVEC_BYTES);
        long control = slab.allocate(24);
        name.put(address);
        Memory.putLong(iovec, out);
        Memory.putLong(iovec + MessageHeader.IOVEC_LENGTH, LENGTH);
        Memory.putLong(control, 18);
        Memory.putInt(control + 8, UdpSocket.SOL_UDP);
        Memory.putInt(control + 12, UdpSocket.UDP_SEGMENT);
        Memory.putShort(control + 16, SEGMENT_BYTES);
        Memory.putLong(message + MessageHeader.NAME, address);
        Memory.putInt(message + MessageHeader.NAME_LENGTH, name.length());
        Memory.putLong(message + MessageHeader.IOVEC, iovec);
        Memory.putLong(message + MessageHeader.IOVEC_COUNT, 1);
        Memory.putLong(message + MessageHeader.CONTROL, control);
        Memory.putLong(message + MessageHeader.CONTROL_LENGTH, 24);
        long sent = Sys.sendmsg(sender, message, 0);
        if (sent != LENGTH) {
            return new Choice(Mode.PLAIN, "segmented send failed: " + Sys.message(sent));
        }
        return receive(receiver, out, slab);
    }

    private static Choice receive(int receiver, long out, Slab slab) {
        long in = slab.allocate(LENGTH + SEGMENT_BYTES);
        long poll = slab.allocate(8);
        int got = 0;
        while (got < LENGTH) {
            Memory.putInt(poll, receiver);
            Memory.putInt(poll + 4, POLLIN);
            if (Sys.poll(poll, 1, TIMEOUT_MS) <= 0) {
                return got == 0
                        ? new Choice(Mode.GSO, "not verified: nothing returned over loopback")
                        : new Choice(Mode.PLAIN, "segments were lost in the self-test");
            }
            long length = Sys.read(receiver, in, LENGTH + SEGMENT_BYTES);
            if (length <= 0 || got + length > LENGTH || !same(in, out + got, (int) length)) {
                return new Choice(Mode.PLAIN, "segments arrived damaged in the self-test");
            }
            got += (int) length;
        }
        return new Choice(Mode.GSO, "self-test passed");
    }

    private static boolean same(long a, long b, int length) {
        for (int i = 0; i < length; i++) {
            if (Memory.getByte(a + i) != Memory.getByte(b + i)) {
                return false;
            }
        }
        return true;
    }
}
