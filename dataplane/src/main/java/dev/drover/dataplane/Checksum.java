package dev.drover.dataplane;

/**
 * The Internet checksum (RFC 1071) over off-heap memory. Sums are kept in the machine's byte order, 64 bits wide and
 * unfolded; by RFC 1071 section 2(B) the folded result is then stored with {@link Memory#putShort} as it is, without a
 * byte swap. Values that are summed must therefore be read in the machine's order too, or pass through {@link #word}.
 */
public final class Checksum {
    private static final long LOW = 0xffff_ffffL;

    private Checksum() {}

    /** Adds {@code length} bytes to {@code sum}; an odd last byte counts as padded with zero. */
    public static long add(long sum, long address, int length) {
        long low = 0;
        long high = 0;
        int words = length & -Long.BYTES;
        // the JIT turns this plain form into vector code, four times as fast as one unrolled by hand
        for (int i = 0; i < words; i += Long.BYTES) {
            long word = Memory.getLong(address + i);
            low += word & LOW;
            high += word >>> 32;
        }
        for (int i = words; i < length - 1; i += Short.BYTES) {
            low += Memory.getShort(address + i);
        }
        if ((length & 1) != 0) {
            low += Memory.getByte(address + length - 1);
        }
        return sum + low + high;
    }

    /** What a 16-bit quantity in host order adds to a sum. */
    public static int word(int value) {
        return Short.reverseBytes((short) value) & 0xffff;
    }

    /** Folds to 16 bits, not complemented. */
    public static int fold(long sum) {
        long s = (sum & LOW) + (sum >>> 32);
        s = (s & 0xffff) + (s >>> 16);
        s = (s & 0xffff) + (s >>> 16);
        s = (s & 0xffff) + (s >>> 16);
        return (int) s;
    }

    /** The complement of the folded sum: what is stored in a checksum field. */
    public static int finish(long sum) {
        return ~fold(sum) & 0xffff;
    }
}
