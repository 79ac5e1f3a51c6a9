package dev.drover.overlay.path;

import static dev.drover.dataplane.MessageHeader.CONTROL;
import static dev.drover.dataplane.MessageHeader.CONTROL_LENGTH;
import static dev.drover.dataplane.MessageHeader.IOVEC;
import static dev.drover.dataplane.MessageHeader.IOVEC_BYTES;
import static dev.drover.dataplane.MessageHeader.IOVEC_COUNT;
import static dev.drover.dataplane.MessageHeader.NAME;
import static dev.drover.dataplane.MessageHeader.NAME_LENGTH;
import static dev.drover.overlay.path.Wire.MAX_DATAGRAM_BYTES;
import static dev.drover.overlay.path.Wire.MAX_SEGMENTS;

import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.MessageHeader;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.SocketName;
import dev.drover.dataplane.Sys;
import dev.drover.dataplane.UdpSocket;
import org.jspecify.annotations.Nullable;

/**
 * Datagrams on their way to one socket, sent by one {@code sendmmsg}. With segmentation, consecutive datagrams of one
 * size to one peer become one message with a UDP_SEGMENT control message (the last may be shorter). Owned by one lane;
 * what is added is borrowed until {@link #flush}.
 */
final class TxBatch {
    /** Most bytes of VXLAN, Ethernet, IP and TCP headers of one segment. */
    static final int HEADER_BYTES = 192;

    private static final int CACHE_LINE_BYTES = 64;
    private static final int MESSAGES = 64;
    private static final int IOVECS = 1024;
    private static final int HEADERS = 256;
    private static final int SEALED_PACKETS = 128;

    /** {@code struct cmsghdr} with 16 bits of data, padded. */
    private static final int CONTROL_BYTES = 24;

    private static final long CONTROL_USED = 18;
    private static final int CONTROL_DATA = 16;

    private final int fd;
    private final int lane;
    private final CounterSet<Drop> drops;
    private final CounterSet<Traffic> traffic;
    private final long messages;
    private final long iovecs;
    private final long controls;
    private final long headers;
    private final int headerBytes;
    private final int headerSlots;
    private final long scratch;
    private final int[] segments = new int[MESSAGES];
    private boolean segmentation;
    private int messageCount;
    private int iovecCount;
    private int headerCount;
    private @Nullable SocketName openName;
    private int openSize;
    private int openBytes;
    private boolean open;

    /** @param segmentation use UDP_SEGMENT until the kernel refuses it */
    TxBatch(int fd, boolean segmentation, int lane, CounterSet<Drop> drops, CounterSet<Traffic> traffic, Slab slab) {
        this(fd, segmentation, HEADER_BYTES, HEADERS, lane, drops, traffic, slab);
    }

    /**
     * For sealed datagrams, which {@link #header} has room for as a whole.
     *
     * @param datagramBytes of the longest
     */
    static TxBatch sealed(
            int fd,
            boolean segmentation,
            int datagramBytes,
            int lane,
            CounterSet<Drop> drops,
            CounterSet<Traffic> traffic,
            Slab slab) {
        int slotBytes = datagramBytes + CACHE_LINE_BYTES - 1 & -CACHE_LINE_BYTES;
        return new TxBatch(fd, segmentation, slotBytes, SEALED_PACKETS, lane, drops, traffic, slab);
    }

    private TxBatch(
            int fd,
            boolean segmentation,
            int headerBytes,
            int headerSlots,
            int lane,
            CounterSet<Drop> drops,
            CounterSet<Traffic> traffic,
            Slab slab) {
        this.headerBytes = headerBytes;
        this.headerSlots = headerSlots;
        this.fd = fd;
        this.segmentation = segmentation;
        this.lane = lane;
        this.drops = drops;
        this.traffic = traffic;
        messages = slab.allocate(MESSAGES * (long) MessageHeader.BYTES);
        iovecs = slab.allocate(IOVECS * (long) IOVEC_BYTES);
        controls = slab.allocate(MESSAGES * (long) CONTROL_BYTES);
        headers = slab.allocate(headerSlots * (long) headerBytes);
        scratch = slab.allocate(MessageHeader.BYTES);
        long names = slab.allocate(MESSAGES * (long) SocketName.BYTES);
        for (int i = 0; i < MESSAGES; i++) {
            long message = messages + i * (long) MessageHeader.BYTES;
            Memory.putLong(message + NAME, names + i * (long) SocketName.BYTES);
            long control = controls + i * (long) CONTROL_BYTES;
            Memory.putLong(message + CONTROL, control);
            Memory.putLong(control, CONTROL_USED);
            Memory.putInt(control + 8, UdpSocket.SOL_UDP);
            Memory.putInt(control + 12, UdpSocket.UDP_SEGMENT);
        }
    }

    /** Room for the headers of one datagram, {@link #HEADER_BYTES} or what was asked for; may flush first. The next {@link #add} uses it. */
    long header() {
        if (headerCount == headerSlots) {
            flush();
        }
        makeRoom();
        return headers + headerCount++ * (long) headerBytes;
    }

    /** Adds one datagram of one piece. */
    void add(SocketName name, long address, int length) {
        makeRoom();
        add(name, address, length, 0, 0);
    }

    /** Adds one datagram whose first piece came from {@link #header}. */
    void add(SocketName name, long first, int firstLength, long second, int secondLength) {
        int size = firstLength + secondLength;
        if (open && name == openName && size <= openSize && openBytes + size <= MAX_DATAGRAM_BYTES) {
            int last = messageCount - 1;
            long message = messages + last * (long) MessageHeader.BYTES;
            if (segments[last]++ == 1) {
                Memory.putShort(controls + last * (long) CONTROL_BYTES + CONTROL_DATA, openSize);
                Memory.putLong(message + CONTROL_LENGTH, CONTROL_BYTES);
            }
            openBytes += size;
            open = size == openSize && segments[last] < MAX_SEGMENTS;
            int added = pieces(first, firstLength, second, secondLength);
            Memory.putLong(message + IOVEC_COUNT, Memory.getLong(message + IOVEC_COUNT) + added);
            return;
        }
        long message = messages + messageCount * (long) MessageHeader.BYTES;
        name.put(Memory.getLong(message + NAME));
        Memory.putInt(message + NAME_LENGTH, name.length());
        Memory.putLong(message + IOVEC, iovecs + iovecCount * (long) IOVEC_BYTES);
        Memory.putLong(message + IOVEC_COUNT, pieces(first, firstLength, second, secondLength));
        Memory.putLong(message + CONTROL_LENGTH, 0);
        segments[messageCount++] = 1;
        open = segmentation;
        openName = name;
        openSize = size;
        openBytes = size;
    }

    private void makeRoom() {
        if (messageCount == MESSAGES || iovecCount + 2 > IOVECS) {
            flush();
        }
    }

    private int pieces(long first, int firstLength, long second, int secondLength) {
        long iovec = iovecs + iovecCount * (long) IOVEC_BYTES;
        Memory.putLong(iovec, first);
        Memory.putLong(iovec + 8, firstLength);
        iovecCount++;
        if (secondLength == 0) {
            return 1;
        }
        Memory.putLong(iovec + 16, second);
        Memory.putLong(iovec + 24, secondLength);
        iovecCount++;
        return 2;
    }

    /** Sends everything; what the kernel refuses is dropped and counted. */
    void flush() {
        int sent = 0;
        while (sent < messageCount) {
            int result = Sys.sendmmsg(fd, messages + sent * (long) MessageHeader.BYTES, messageCount - sent, 0);
            traffic.increment(lane, Traffic.TX_CALLS);
            if (result > 0) {
                sent += result;
            } else if (result != -Sys.EINTR) {
                refused(sent, -result);
                sent++;
            }
        }
        messageCount = 0;
        iovecCount = 0;
        headerCount = 0;
        open = false;
    }

    private void refused(int index, int errno) {
        boolean segmented = segments[index] > 1;
        if (segmented && (errno == Sys.EIO || errno == Sys.EINVAL || errno == Sys.EMSGSIZE)) {
            // EIO: the egress device cannot complete checksums, so that no send of this socket will ever be segmented
            segmentation &= errno != Sys.EIO;
            traffic.increment(lane, Traffic.SEGMENTATION_REFUSED);
            sendSingly(index);
        } else {
            boolean full = errno == Sys.EAGAIN || errno == Sys.ENOBUFS;
            drops.add(lane, full ? Drop.SOCKET_FULL : Drop.SEND_FAILED, segments[index]);
        }
    }

    private void sendSingly(int index) {
        long message = messages + index * (long) MessageHeader.BYTES;
        long size = Memory.getShort(controls + index * (long) CONTROL_BYTES + CONTROL_DATA);
        long iovec = Memory.getLong(message + IOVEC);
        long end = iovec + Memory.getLong(message + IOVEC_COUNT) * IOVEC_BYTES;
        Memory.copy(message, scratch, MessageHeader.BYTES);
        Memory.putLong(scratch + CONTROL_LENGTH, 0);
        while (iovec < end) {
            Memory.putLong(scratch + IOVEC, iovec);
            long bytes = 0;
            int count = 0;
            while (iovec < end && bytes < size) {
                bytes += Memory.getLong(iovec + 8);
                iovec += IOVEC_BYTES;
                count++;
            }
            Memory.putLong(scratch + IOVEC_COUNT, count);
            if (Sys.sendmsg(fd, scratch, 0) < 0) {
                drops.increment(lane, Drop.SEND_FAILED);
            }
        }
    }

    /** Whether the kernel still segments for this socket. */
    boolean segmentation() {
        return segmentation;
    }

    int messageCount() {
        return messageCount;
    }

    /** Address of the {@code mmsghdr} at {@code index}, for tests. */
    long message(int index) {
        return messages + index * (long) MessageHeader.BYTES;
    }
}
