package dev.drover.dataplane;

import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A UDP endpoint as the kernel takes and gives it: {@code sockaddr_in} or {@code sockaddr_in6}, fields in network order
 * but for the family. Addresses are read as two longs, an IPv4 address as if it were mapped (RFC 4291 section 2.5.5.2).
 *
 * <pre>
 *  | family 2 | port 2 | IPv4 address 4 | zero 8        |                    16 bytes
 *  | family 2 | port 2 | flow label 4   | IPv6 address 16         | scope 4 |  28 bytes
 * </pre>
 */
public final class SocketName {
    /** Room for a name of either family. */
    public static final int BYTES = 32;

    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;
    private static final int IPV4_BYTES = 16;
    private static final int IPV6_BYTES = 28;
    private static final int PORT = 2;
    private static final int IPV4_ADDRESS = 4;
    private static final int IPV6_ADDRESS = 8;
    private static final int IPV6_SCOPE = 24;
    private static final long MAPPED_PREFIX = 0xffff_0000_0000L;

    private final long first;
    private final long second;
    private final long third;
    private final long fourth;
    private final int length;

    private SocketName(ByteBuffer bytes, int length) {
        this(bytes.getLong(0), bytes.getLong(8), bytes.getLong(16), bytes.getLong(24), length);
    }

    private SocketName(long first, long second, long third, long fourth, int length) {
        this.first = first;
        this.second = second;
        this.third = third;
        this.fourth = fourth;
        this.length = length;
    }

    /** @param port 0 for any */
    public static SocketName of(InetAddress address, int port) {
        boolean v4 = address instanceof Inet4Address;
        ByteBuffer bytes = ByteBuffer.allocate(BYTES);
        bytes.order(ByteOrder.nativeOrder()).putShort((short) (v4 ? AF_INET : AF_INET6));
        bytes.order(ByteOrder.BIG_ENDIAN).putShort((short) port);
        bytes.put(v4 ? IPV4_ADDRESS : IPV6_ADDRESS, address.getAddress());
        bytes.order(ByteOrder.nativeOrder());
        if (address instanceof Inet6Address v6) {
            bytes.putInt(IPV6_SCOPE, v6.getScopeId());
        }
        return new SocketName(bytes, v4 ? IPV4_BYTES : IPV6_BYTES);
    }

    /** A copy of the name at an address, all {@link #BYTES}. */
    public static SocketName read(long name) {
        int length = Memory.getShort(name) == AF_INET6 ? IPV6_BYTES : IPV4_BYTES;
        return new SocketName(
                Memory.getLong(name),
                Memory.getLong(name + 8),
                Memory.getLong(name + 16),
                Memory.getLong(name + 24),
                length);
    }

    /** Writes all {@link #BYTES}. */
    public void put(long name) {
        Memory.putLong(name, first);
        Memory.putLong(name + 8, second);
        Memory.putLong(name + 16, third);
        Memory.putLong(name + 24, fourth);
    }

    /** Bytes of the structure that the kernel is told. */
    public int length() {
        return length;
    }

    /** The address, an IPv4 address also where it is mapped; for cold code. */
    public InetAddress address() {
        ByteBuffer bytes = ByteBuffer.allocate(BYTES).order(ByteOrder.nativeOrder());
        bytes.putLong(0, first).putLong(8, second).putLong(16, third).putLong(24, fourth);
        boolean v4 = bytes.getShort(0) == AF_INET;
        byte[] address = new byte[v4 ? Integer.BYTES : 2 * Long.BYTES];
        bytes.get(v4 ? IPV4_ADDRESS : IPV6_ADDRESS, address);
        return address(address);
    }

    /** Whether the name at an address is one of IPv4, and not an IPv4 address mapped into IPv6. */
    static boolean isFamilyIpv4(long name) {
        return Memory.getShort(name) == AF_INET;
    }

    /** The port of the name at an address. */
    public static int port(long name) {
        return Memory.getShortBe(name + PORT);
    }

    /** Upper half of the IP address in the name at an address. */
    public static long high(long name) {
        return Memory.getShort(name) == AF_INET6 ? Memory.getLongBe(name + IPV6_ADDRESS) : 0;
    }

    /** Lower half of the IP address in the name at an address. */
    public static long low(long name) {
        return Memory.getShort(name) == AF_INET6
                ? Memory.getLongBe(name + IPV6_ADDRESS + Long.BYTES)
                : mapped(Memory.getIntBe(name + IPV4_ADDRESS));
    }

    /** What {@link #high(long)} reads of a name with this address. */
    public static long high(InetAddress address) {
        return address instanceof Inet4Address
                ? 0
                : ByteBuffer.wrap(address.getAddress()).getLong(0);
    }

    /** What {@link #low(long)} reads of a name with this address. */
    public static long low(InetAddress address) {
        return address instanceof Inet4Address v4
                ? mapped(Cidr.toInt(v4))
                : ByteBuffer.wrap(address.getAddress()).getLong(Long.BYTES);
    }

    /** Lower half of an IPv4 address. */
    public static long mapped(int ipv4) {
        return MAPPED_PREFIX | Integer.toUnsignedLong(ipv4);
    }

    /** Whether {@link #high(long)} and {@link #low(long)} are the halves of an IPv4 address, in the low 32 bits. */
    public static boolean isIpv4(long high, long low) {
        return high == 0 && low >>> Integer.SIZE == MAPPED_PREFIX >>> Integer.SIZE;
    }

    /** The address of which {@link #high(long)} and {@link #low(long)} are the halves; for cold code. */
    public static InetAddress address(long high, long low) {
        return address(
                ByteBuffer.allocate(2 * Long.BYTES).putLong(high).putLong(low).array());
    }

    /** {@code getByAddress} makes an IPv4 address of a mapped one. */
    private static InetAddress address(byte[] bytes) {
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new AssertionError("an address has 4 or 16 bytes", e);
        }
    }
}
