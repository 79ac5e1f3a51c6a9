package dev.drover.dataplane;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/**
 * Datagrams that one system call receives or sends: an array of {@code mmsghdr} ({@link MessageHeader}), each with one buffer
 * of a fixed size and room for the name of the other end. Laid out once in a {@link Slab}, nothing is allocated afterwards. Used by one thread.
 */
public final class DatagramBatch {
    private static final int MSG_DONTWAIT = 0x40;
    private static final int CACHE_LINE_BYTES = 64;

    private final int slots;
    private final int bytes;
    private final long messages;
    private final long names;
    private final long iovecs;
    private final long buffers;
    private final long strideBytes;

    /**
     * @param slots most datagrams a call
     * @param bytes room of each, a multiple of 64
     */
    public DatagramBatch(int slots, int bytes, Slab slab) {
        this.slots = slots;
        this.bytes = bytes;
        // One cache line more than a power of two: else the beginnings of all datagrams would share one set of the
        // cache.
        strideBytes = (long) bytes + CACHE_LINE_BYTES;
        messages = slab.allocate(slots * (long) MessageHeader.BYTES);
        names = slab.allocate(slots * (long) SocketName.BYTES);
        iovecs = slab.allocate(slots * (long) MessageHeader.IOVEC_BYTES);
        buffers = slab.allocate(slots * strideBytes);
        for (int i = 0; i < slots; i++) {
            long message = message(i);
            Memory.putLong(message + MessageHeader.NAME, name(i));
            Memory.putInt(message + MessageHeader.NAME_LENGTH, SocketName.BYTES);
            Memory.putLong(message + MessageHeader.IOVEC, iovec(i));
            Memory.putLong(message + MessageHeader.IOVEC_COUNT, 1);
            Memory.putLong(iovec(i), buffer(i));
            Memory.putLong(iovec(i) + MessageHeader.IOVEC_LENGTH, bytes);
        }
    }

    /**
     * {@code recvmmsg(2)}, without waiting.
     *
     * @return datagrams received, or {@code -errno}
     */
    public int receive(int fd) {
        int count = Sys.recvmmsg(fd, messages, slots, MSG_DONTWAIT);
        for (int i = 0; i < count; i++) {
            // it was set to the length of the name received
            Memory.putInt(message(i) + MessageHeader.NAME_LENGTH, SocketName.BYTES);
        }
        return count;
    }

    /**
     * {@code sendmmsg(2)} of the datagrams from {@code from} to {@code to}, without waiting.
     *
     * @return how many the kernel took, or {@code -errno} when it refused the first
     */
    public int send(int fd, int from, int to) {
        return Sys.sendmmsg(fd, message(from), to - from, MSG_DONTWAIT);
    }

    /** Length of a datagram received; what did not fit is lost. */
    public int length(int slot) {
        return Memory.getInt(message(slot) + MessageHeader.RECEIVED);
    }

    /** Sets the length of a datagram to send. */
    public void length(int slot, int bytes) {
        Memory.putLong(iovec(slot) + MessageHeader.IOVEC_LENGTH, bytes);
    }

    /** Address of the name of who sent the datagram or is to get it, as {@link SocketName} reads and writes it. */
    public long name(int slot) {
        return names + slot * (long) SocketName.BYTES;
    }

    /** Sends to the name at an address, which must stay until then; of the batch's own {@link #name} unless told. */
    public void to(int slot, long name) {
        Memory.putLong(message(slot) + MessageHeader.NAME, name);
    }

    /** The data as a buffer, valid as long as the slab. */
    public ByteBuffer data(int slot) {
        return MemorySegment.ofAddress(buffer(slot)).reinterpret(bytes).asByteBuffer();
    }

    private long buffer(int slot) {
        return buffers + slot * strideBytes;
    }

    private long message(int slot) {
        return messages + slot * (long) MessageHeader.BYTES;
    }

    private long iovec(int slot) {
        return iovecs + slot * (long) MessageHeader.IOVEC_BYTES;
    }
}
