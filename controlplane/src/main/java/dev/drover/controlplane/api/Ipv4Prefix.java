package dev.drover.controlplane.api;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code a.b.c.d/n}.
 *
 * @param network address as an unsigned number; host bits are zero
 */
record Ipv4Prefix(long network, int length) {
    private static final Pattern ADDRESS = Pattern.compile("(\\d{1,3})\\.(\\d{1,3})\\.(\\d{1,3})\\.(\\d{1,3})");
    private static final Pattern PREFIX = Pattern.compile("([0-9.]{7,15})/(\\d{1,2})");
    private static final int BITS = 32;

    Ipv4Prefix {
        if (length < 0 || length > BITS || (network & (size(length) - 1)) != 0) {
            throw new IllegalArgumentException(
                    format(network) + "/" + length + " (expected: an IPv4 prefix a.b.c.d/n with zero host bits)");
        }
    }

    static Ipv4Prefix parse(String text) {
        Matcher matcher = PREFIX.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException(text + " (expected: an IPv4 prefix a.b.c.d/n)");
        }
        long address;
        try {
            address = parseAddress(matcher.group(1));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(text + " (expected: an IPv4 prefix a.b.c.d/n)", e);
        }
        return new Ipv4Prefix(address, Integer.parseInt(matcher.group(2)));
    }

    static long parseAddress(String text) {
        Matcher matcher = ADDRESS.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException(text + " (expected: an IPv4 address a.b.c.d)");
        }
        long address = 0;
        for (int i = 1; i <= 4; i++) {
            int part = Integer.parseInt(matcher.group(i));
            if (part > 255) {
                throw new IllegalArgumentException(text + " (expected: an IPv4 address a.b.c.d)");
            }
            address = address << 8 | part;
        }
        return address;
    }

    /** Unicast, and neither loopback, link-local nor 0.0.0.0/8. */
    static boolean usable(long address) {
        int first = (int) (address >>> 24);
        return first >= 1 && first <= 223 && first != 127 && address >>> 16 != (169L << 8 | 254);
    }

    /** How many prefixes of {@code blockLength} this one holds. */
    long blocks(int blockLength) {
        return 1L << (blockLength - length);
    }

    Ipv4Prefix block(int blockLength, long index) {
        return new Ipv4Prefix(network + index * size(blockLength), blockLength);
    }

    long last() {
        return network + size(length) - 1;
    }

    private static long size(int length) {
        return 1L << (BITS - length);
    }

    private static String format(long address) {
        return (address >>> 24) + "." + (address >>> 16 & 255) + "." + (address >>> 8 & 255) + "." + (address & 255);
    }

    @Override
    public String toString() {
        return format(network) + "/" + length;
    }
}
