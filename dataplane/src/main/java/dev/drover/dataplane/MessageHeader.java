package dev.drover.dataplane;

/**
 * Where fields lie in what {@code sendmsg(2)}, {@code sendmmsg(2)} and {@code recvmmsg(2)} are told, on 64-bit Linux: {@code
 * struct mmsghdr}, whose beginning is {@code struct msghdr}, and {@code struct iovec} ({@code bits/types/struct_iovec.h},
 * {@code linux/socket.h}). Offsets and sizes in bytes.
 */
public final class MessageHeader {
    /** Of one {@code mmsghdr}. */
    public static final int BYTES = 64;

    public static final int NAME = 0;
    public static final int NAME_LENGTH = 8;
    public static final int IOVEC = 16;
    public static final int IOVEC_COUNT = 24;
    public static final int CONTROL = 32;
    public static final int CONTROL_LENGTH = 40;
    public static final int FLAGS = 48;
    /** Of the datagram, as the kernel writes it. */
    public static final int RECEIVED = 56;

    /** Of one {@code iovec}. */
    public static final int IOVEC_BYTES = 16;

    public static final int IOVEC_LENGTH = 8;

    private MessageHeader() {}
}
