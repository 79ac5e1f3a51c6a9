package dev.drover.dataplane;

import java.util.HexFormat;
import java.util.concurrent.ThreadLocalRandom;

/**
 * An Ethernet address in the low 48 bits of {@code value}, first byte on the wire highest.
 *
 * @param value 0 to 2^48-1
 */
public record Mac(long value) {
    private static final long LOCALLY_ADMINISTERED = 0x02_00_00_00_00_00L;
    private static final long FREE_BITS = 0x00_ff_ff_ff_ff_ffL;
    private static final HexFormat FORMAT = HexFormat.ofDelimiter(":");

    public Mac {
        if (value >>> 48 != 0) {
            throw new IllegalArgumentException("mac: 0x" + Long.toHexString(value) + " (expected: 48 bits)");
        }
    }

    /** Parses {@code aa:bb:cc:dd:ee:ff}. */
    public static Mac parse(String text) {
        try {
            byte[] bytes = FORMAT.parseHex(text);
            if (bytes.length == 6) {
                return of(bytes);
            }
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("mac: " + text + " (expected: aa:bb:cc:dd:ee:ff)", e);
        }
        throw new IllegalArgumentException("mac: " + text + " (expected: aa:bb:cc:dd:ee:ff)");
    }

    public static Mac of(byte[] bytes) {
        long value = 0;
        for (byte b : bytes) {
            value = value << 8 | (b & 0xff);
        }
        return new Mac(value);
    }

    /** A random locally administered unicast address; never derived from an IP, so that a reused IP is a new MAC. */
    public static Mac random() {
        return new Mac(LOCALLY_ADMINISTERED | ThreadLocalRandom.current().nextLong() & FREE_BITS);
    }

    public byte[] bytes() {
        byte[] bytes = new byte[6];
        for (int i = 0; i < 6; i++) {
            bytes[i] = (byte) (value >>> (40 - 8 * i));
        }
        return bytes;
    }

    @Override
    public String toString() {
        return FORMAT.formatHex(bytes());
    }
}
