package dev.drover.dataplane;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A NETLINK_ROUTE socket with synchronous requests. It acts on the namespace in which it was opened, whichever thread
 * uses it later. Safe for use by several threads; requests run one at a time.
 */
final class NetlinkSocket implements AutoCloseable {
    private static final int AF_NETLINK = 16;
    private static final int SOCK_RAW_CLOEXEC = 3 | 0x80000;
    private static final int NETLINK_ROUTE = 0;
    private static final int SOL_NETLINK = 270;
    private static final int NETLINK_CAP_ACK = 10;
    private static final int NETLINK_EXT_ACK = 11;
    private static final int MSG_TRUNC = 0x20;

    /** The kernel builds dump messages of up to 32 KB; one link with many virtual functions can be larger. */
    private static final int RECEIVE_BYTES = 256 * 1024;

    private static final int DUMP_ATTEMPTS = 10;

    private static final int SOCKADDR_BYTES = 12;
    private static final int SOCKADDR_PORT_OFFSET = 4;
    private static final int MSGHDR_BYTES = 56;
    private static final int MSGHDR_FLAGS_OFFSET = 48;

    private final Arena arena = Arena.ofAuto();
    private final MemorySegment receiveBuffer = arena.allocate(RECEIVE_BYTES, 8);
    private final MemorySegment sender = arena.allocate(SOCKADDR_BYTES, 8);
    private final MemorySegment iovec = arena.allocate(16, 8);
    private final MemorySegment msghdr = arena.allocate(MSGHDR_BYTES, 8);
    private int fd;
    private int sequence;

    /** Opens the socket in the namespace of the calling thread. */
    NetlinkSocket() {
        fd = Sys.check("open netlink socket", Sys.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE));
        // Both are absent before Linux 4.12, which costs the explaining text of errors and nothing else.
        Sys.setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
        Sys.setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
        iovec.set(JAVA_LONG, 0, receiveBuffer.address());
        iovec.set(JAVA_LONG, 8, RECEIVE_BYTES);
        msghdr.set(JAVA_LONG, 0, sender.address());
        msghdr.set(JAVA_LONG, 16, iovec.address());
        msghdr.set(JAVA_LONG, 24, 1);
    }

    /**
     * Sends a request and waits for its acknowledgement.
     *
     * @param what the operation and its object, for the message of the exception
     * @return messages that came before the acknowledgement, headers included
     * @throws SysException the kernel refused; its message has the kernel's own words when it gave some
     */
    synchronized List<ByteBuffer> request(String what, NlMessage message) {
        Answer answer = exchange(what, message, Nl.F_ACK);
        return answer.messages;
    }

    /** Sends a dump request; taken anew when the tables changed underneath it (NLM_F_DUMP_INTR). */
    synchronized List<ByteBuffer> dump(String what, NlMessage message) {
        for (int attempt = 1; attempt <= DUMP_ATTEMPTS; attempt++) {
            Answer answer = exchange(what, message, Nl.F_DUMP);
            if (!answer.interrupted) {
                return answer.messages;
            }
        }
        throw new SysException(what + ": tables changed during each of " + DUMP_ATTEMPTS + " dumps", Sys.EINTR);
    }

    @Override
    public synchronized void close() {
        if (fd >= 0) {
            int open = fd;
            fd = -1;
            Sys.check("close netlink socket", Sys.close(open));
        }
    }

    private Answer exchange(String what, NlMessage message, int flags) {
        sequence++;
        send(what, message.encode(sequence, flags));
        Answer answer = new Answer();
        while (!answer.complete) {
            ByteBuffer received = receive(what);
            if (received != null) {
                split(what, received, answer);
            }
        }
        return answer;
    }

    private void send(String what, byte[] bytes) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment segment = scratch.allocateFrom(JAVA_BYTE, bytes);
            long sent;
            do {
                sent = Sys.write(fd, segment.address(), bytes.length);
            } while (sent == -Sys.EINTR);
            Sys.check(what, (int) sent);
        }
    }

    /** One datagram, or null for one that the kernel did not send. */
    private @Nullable ByteBuffer receive(String what) {
        msghdr.set(JAVA_INT, 8, SOCKADDR_BYTES);
        long length;
        do {
            length = Sys.recvmsg(fd, msghdr.address(), 0);
        } while (length == -Sys.EINTR);
        Sys.check(what, (int) length);
        if ((msghdr.get(JAVA_INT, MSGHDR_FLAGS_OFFSET) & MSG_TRUNC) != 0) {
            throw new SysException(what + ": netlink message over " + RECEIVE_BYTES + " bytes", Sys.EMSGSIZE);
        }
        if (sender.get(JAVA_INT, SOCKADDR_PORT_OFFSET) != 0) {
            return null;
        }
        byte[] bytes = receiveBuffer.asSlice(0, length).toArray(JAVA_BYTE);
        return ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    }

    /** Messages with an older sequence number are what a failed request left behind. */
    private void split(String what, ByteBuffer datagram, Answer answer) {
        int start = 0;
        while (datagram.limit() - start >= Nl.HEADER_BYTES) {
            int length = datagram.getInt(start);
            if (length < Nl.HEADER_BYTES || length > datagram.limit() - start) {
                throw new SysException(what + ": malformed netlink message, length " + length, Sys.EIO);
            }
            if (datagram.getInt(start + 8) == sequence) {
                take(what, datagram.slice(start, length).order(ByteOrder.nativeOrder()), answer);
            }
            start += Nl.align(length);
        }
    }

    private static void take(String what, ByteBuffer message, Answer answer) {
        int type = message.getShort(4) & 0xffff;
        int flags = message.getShort(6) & 0xffff;
        answer.interrupted |= (flags & Nl.F_DUMP_INTR) != 0;
        if (type == Nl.NLMSG_ERROR || type == Nl.NLMSG_DONE) {
            answer.complete = true;
            int error = message.limit() >= Nl.HEADER_BYTES + 4 ? message.getInt(Nl.HEADER_BYTES) : 0;
            if (error < 0) {
                throw new SysException(what + explanation(message, type, flags), -error);
            }
        } else {
            answer.messages.add(message);
        }
    }

    /** The kernel's own words about a refusal (NETLINK_EXT_ACK), in brackets, or nothing. */
    private static String explanation(ByteBuffer message, int type, int flags) {
        if ((flags & Nl.F_ACK_TLVS) == 0) {
            return "";
        }
        int offset = Nl.HEADER_BYTES + 4;
        if (type == Nl.NLMSG_ERROR) {
            boolean capped = (flags & Nl.F_CAPPED) != 0;
            offset += capped ? Nl.HEADER_BYTES : Nl.align(message.getInt(offset));
        }
        String text = NlAttributes.parse(message, offset).string(Nl.NLMSGERR_ATTR_MSG);
        return text == null ? "" : " (" + text + ")";
    }

    private static final class Answer {
        final List<ByteBuffer> messages = new ArrayList<>();
        boolean complete;
        boolean interrupted;
    }
}
