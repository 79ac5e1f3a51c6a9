package dev.drover.dataplane;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * AES-256-GCM (NIST SP 800-38D) with one key in one direction, in place on off-heap memory. The nonce of 96 bits is four
 * zero bytes and a 64-bit counter in network order; who seals never uses a counter twice with a key.
 *
 * <p>By OpenSSL's libcrypto where it is installed, without allocation; else by the JDK's cipher, which is several times
 * slower and allocates. An object belongs to one thread at a time. {@link #close} wipes the key.
 */
public abstract sealed class Aead implements AutoCloseable permits OpenSslAead, JdkAead {
    public static final int KEY_BYTES = 32;

    public static final int TAG_BYTES = 16;

    /**
     * For sealing; the key is copied and stays the caller's to wipe.
     *
     * @param slab for scratch memory, closed after this
     */
    public static Aead sealing(byte[] key, Slab slab) {
        return of(key, true, slab);
    }

    /**
     * For opening; the key is copied and stays the caller's to wipe.
     *
     * @param slab for scratch memory, closed after this
     */
    public static Aead opening(byte[] key, Slab slab) {
        return of(key, false, slab);
    }

    private static Aead of(byte[] key, boolean seals, Slab slab) {
        return Implementation.OPENSSL ? new OpenSslAead(key, seals, slab) : new JdkAead(key, seals);
    }

    /** Decided with the first key, so that a process without encryption never loads the library. */
    private static final class Implementation {
        private static final Logger LOG = LoggerFactory.getLogger(Aead.class);
        private static final boolean OPENSSL = choose();

        private static boolean choose() {
            String problem = OpenSslAead.problem();
            if (problem == null) {
                LOG.info("aead by=libcrypto.so.3");
            } else {
                LOG.warn("aead by=jdk (several times slower; expected: OpenSSL 3) reason=\"{}\"", problem);
            }
            return problem == null;
        }
    }

    /** Encrypts {@code length} bytes where they are and writes the tag of {@value #TAG_BYTES} bytes behind them. */
    public abstract void seal(long counter, long address, int length);

    /**
     * Decrypts {@code length} bytes where they are, and returns whether the tag behind them is right; if not, what is
     * there now is not to be used.
     */
    public abstract boolean open(long counter, long address, int length);

    /** Wipes the key; nothing may be called afterwards. */
    @Override
    public abstract void close();
}
