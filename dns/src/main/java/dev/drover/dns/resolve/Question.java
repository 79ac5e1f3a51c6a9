package dev.drover.dns.resolve;

import java.security.SecureRandom;
import java.util.Arrays;

/**
 * What upstreams are asked: name in lower case, type and class as on the wire, and the two bits that change an answer, DO
 * (RFC 3225) and CD (RFC 4035). Key of the cache and of questions in flight.
 */
public final class Question {
    private static final long FNV_PRIME = 0x100000001b3L;
    /** Secret, so that nobody outside can aim many names at one place of the cache. */
    private static final long SEED = new SecureRandom().nextLong();

    private static final int TYPE_AND_CLASS = 4;

    final byte[] bytes;
    final boolean dnssecOk;
    final boolean checkingDisabled;
    final long hash;

    /** @param asked name, type and class in whatever case; not kept */
    public Question(byte[] asked, boolean dnssecOk, boolean checkingDisabled) {
        this.bytes = lower(asked);
        this.dnssecOk = dnssecOk;
        this.checkingDisabled = checkingDisabled;
        this.hash = hash(asked, asked.length, dnssecOk, checkingDisabled);
    }

    /** @param length of the question at the front of {@code asked} */
    static long hash(byte[] asked, int length, boolean dnssecOk, boolean checkingDisabled) {
        long hash = SEED + (dnssecOk ? 1 : 0) + (checkingDisabled ? 2 : 0);
        int nameLength = length - TYPE_AND_CLASS;
        for (int i = 0; i < length; i++) {
            hash = (hash ^ (i < nameLength ? lower(asked[i]) : asked[i])) * FNV_PRIME;
        }
        return hash ^ hash >>> 29;
    }

    /** @param length of the question at the front of {@code asked} */
    boolean matches(byte[] asked, int length, boolean withDnssec, boolean withCheckingDisabled) {
        return dnssecOk == withDnssec
                && checkingDisabled == withCheckingDisabled
                && bytes.length == length
                && sameFront(bytes, asked);
    }

    /** Whether two questions differ in the case of letters of their name at most. */
    static boolean sameName(byte[] one, byte[] other) {
        return one.length == other.length && sameFront(one, other);
    }

    private static boolean sameFront(byte[] one, byte[] other) {
        int nameLength = one.length - TYPE_AND_CLASS;
        for (int i = 0; i < one.length; i++) {
            if (one[i] != other[i] && (i >= nameLength || lower(one[i]) != lower(other[i]))) {
                return false;
            }
        }
        return true;
    }

    int type() {
        return (bytes[bytes.length - 4] & 0xff) << 8 | bytes[bytes.length - 3] & 0xff;
    }

    /** Length of the name at the front of {@link #bytes}. */
    int nameLength() {
        return bytes.length - TYPE_AND_CLASS;
    }

    static byte lower(byte b) {
        return b >= 'A' && b <= 'Z' ? (byte) (b | 0x20) : b;
    }

    private static byte[] lower(byte[] asked) {
        byte[] lower = asked.clone();
        for (int i = 0; i < lower.length - TYPE_AND_CLASS; i++) {
            lower[i] = lower(lower[i]);
        }
        return lower;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Question other
                && hash == other.hash
                && dnssecOk == other.dnssecOk
                && checkingDisabled == other.checkingDisabled
                && Arrays.equals(bytes, other.bytes);
    }

    @Override
    public int hashCode() {
        return (int) hash;
    }
}
