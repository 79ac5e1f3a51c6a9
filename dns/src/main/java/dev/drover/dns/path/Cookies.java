package dev.drover.dns.path;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.InetAddress;
import java.nio.ByteOrder;
import java.security.SecureRandom;
import java.util.Arrays;

/**
 * Server cookies (RFC 7873) in the form all servers share (RFC 9018): who sends one back has received a reply of ours at
 * its address lately, so that the address is not forged. The secret is this process's own.
 *
 * <pre>
 *  | client cookie (64) | version 1 (8) | reserved (24) | seconds (32) | SipHash-2-4 of these and the address (64) |
 * </pre>
 */
final class Cookies {
    /** Length of a client cookie, in bytes. */
    static final int CLIENT = 8;
    /** Length of a client cookie and ours. */
    static final int WHOLE = 24;

    private static final int VERSION = 1;
    private static final int TIME = 12;
    private static final int HASH = 16;
    private static final int KEY_BYTES = 16;
    /** Ages in seconds between which a cookie is good (RFC 9018 section 4.3). */
    private static final int OLDEST = 3_600;

    private static final int FUTURE = -300;
    private static final int IPV6_BYTES = 16;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
    private static final VarHandle HASH_WORD =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final SipHash hash;

    /** @param secret 16 bytes */
    Cookies(byte[] secret) {
        hash = new SipHash(secret);
    }

    /** With a secret of its own. */
    static Cookies random() {
        byte[] secret = new byte[KEY_BYTES];
        new SecureRandom().nextBytes(secret);
        return new Cookies(secret);
    }

    /**
     * The cookie for a reply.
     *
     * @param asked as in the query, at least the client's part
     * @return {@value #WHOLE} bytes
     */
    byte[] answer(byte[] asked, InetAddress client, int nowSeconds) {
        byte[] whole = Arrays.copyOf(Arrays.copyOf(asked, CLIENT), WHOLE);
        whole[CLIENT] = VERSION;
        INT.set(whole, TIME, nowSeconds);
        HASH_WORD.set(whole, HASH, hash(whole, client));
        return whole;
    }

    /** Whether {@code asked} carries a cookie of ours, given to this client not too long ago. */
    boolean isOurs(byte[] asked, InetAddress client, int nowSeconds) {
        if (asked.length != WHOLE || asked[CLIENT] != VERSION) {
            return false;
        }
        int age = nowSeconds - (int) INT.get(asked, TIME); // serial number arithmetic
        return age <= OLDEST && age >= FUTURE && hash(asked, client) == (long) HASH_WORD.get(asked, HASH);
    }

    private long hash(byte[] cookie, InetAddress client) {
        byte[] address = client.getAddress();
        byte[] hashed = Arrays.copyOf(cookie, HASH + IPV6_BYTES);
        System.arraycopy(address, 0, hashed, HASH, address.length);
        return hash.hash(hashed, HASH + address.length);
    }
}
