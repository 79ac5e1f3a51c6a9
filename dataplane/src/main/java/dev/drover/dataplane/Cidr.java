package dev.drover.dataplane;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;

/**
 * An IPv4 prefix such as {@code 10.42.2.0/24}.
 *
 * @param network network address in host byte order; host bits are zero
 * @param prefixLength 0 to 32
 */
public record Cidr(int network, int prefixLength) {
    public Cidr {
        if (prefixLength < 0 || prefixLength > 32) {
            throw new IllegalArgumentException("prefix length: " + prefixLength + " (expected: 0 to 32)");
        }
        if ((network & ~mask(prefixLength)) != 0) {
            throw new IllegalArgumentException(
                    "prefix: " + format(network) + "/" + prefixLength + " (expected: host bits zero)");
        }
    }

    /** Parses {@code a.b.c.d/n}; refuses host bits, names and anything else with a message that quotes the text. */
    public static Cidr parse(String text) {
        int slash = text.indexOf('/');
        if (slash < 0) {
            throw new IllegalArgumentException("prefix: " + text + " (expected: a.b.c.d/n)");
        }
        int length;
        try {
            length = Integer.parseInt(text.substring(slash + 1));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("prefix: " + text + " (expected: a.b.c.d/n)", e);
        }
        return new Cidr(parseAddress(text.substring(0, slash)), length);
    }

    /** Parses a dotted quad, never a name, into host byte order. */
    public static int parseAddress(String text) {
        try {
            return toInt(Inet4Address.ofLiteral(text));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("address: " + text + " (expected: IPv4 a.b.c.d)", e);
        }
    }

    public static int toInt(Inet4Address address) {
        byte[] b = address.getAddress();
        return (b[0] & 0xff) << 24 | (b[1] & 0xff) << 16 | (b[2] & 0xff) << 8 | (b[3] & 0xff);
    }

    public static Inet4Address toInet(int address) {
        byte[] b = {(byte) (address >>> 24), (byte) (address >>> 16), (byte) (address >>> 8), (byte) address};
        try {
            return (Inet4Address) InetAddress.getByAddress(b);
        } catch (UnknownHostException e) {
            throw new AssertionError(e); // four bytes are always an IPv4 address
        }
    }

    public static String format(int address) {
        return (address >>> 24) + "." + (address >>> 16 & 0xff) + "." + (address >>> 8 & 0xff) + "." + (address & 0xff);
    }

    /** Netmask of a prefix length, host byte order. */
    public static int mask(int prefixLength) {
        return prefixLength == 0 ? 0 : -1 << (32 - prefixLength);
    }

    public boolean contains(int address) {
        return (address & mask(prefixLength)) == network;
    }

    public boolean overlaps(Cidr other) {
        return contains(other.network) || other.contains(network);
    }

    /** The address {@code index} places after the network address; {@code address(1)} is the host's own. */
    public int address(int index) {
        return network + index;
    }

    /** Number of addresses, network and broadcast included. */
    public long size() {
        return 1L << (32 - prefixLength);
    }

    @Override
    public String toString() {
        return format(network) + "/" + prefixLength;
    }
}
