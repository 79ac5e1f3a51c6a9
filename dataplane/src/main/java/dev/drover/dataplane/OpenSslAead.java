package dev.drover.dataplane;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * By {@code libcrypto.so.3}: a context that is given its key once and a nonce a packet. Four calls a packet, without a
 * thread state transition, since each takes less than some microseconds.
 */
final class OpenSslAead extends Aead {
    private static final int CTRL_GET_TAG = 0x10;
    private static final int CTRL_SET_TAG = 0x11;

    /** Scratch memory: the nonce of 12 bytes, and the length that OpenSSL wants to tell. */
    private static final int NONCE_COUNTER = 4;

    private static final int LENGTH = 16;
    private static final int SCRATCH_BYTES = 24;

    private final boolean seals;
    private final long nonce;
    private long context;

    OpenSslAead(byte[] key, boolean seals, Slab slab) {
        if (key.length != KEY_BYTES) {
            throw new IllegalArgumentException("key: " + key.length + " bytes (expected: " + KEY_BYTES + ")");
        }
        this.seals = seals;
        nonce = slab.allocate(SCRATCH_BYTES);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocate(KEY_BYTES);
            MemorySegment.copy(key, 0, copy, java.lang.foreign.ValueLayout.JAVA_BYTE, 0, KEY_BYTES);
            context = (long) Library.CTX_NEW.invokeExact(0L, 0L, 0L, 0L, 0L);
            MethodHandle init = seals ? Library.ENCRYPT_INIT : Library.DECRYPT_INIT;
            int done = (int) (long) init.invokeExact(context, Library.CIPHER, copy.address(), 0L, 0L);
            copy.fill((byte) 0);
            if (context == 0 || done != 1) {
                throw new IllegalStateException("aead: OpenSSL refuses AES-256-GCM");
            }
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** Why OpenSSL cannot be used; null when it can. */
    static @Nullable String problem() {
        try {
            return Library.CIPHER == 0 ? "no AES-256-GCM in libcrypto.so.3" : null;
        } catch (ExceptionInInitializerError e) {
            return String.valueOf(e.getCause());
        } catch (NoClassDefFoundError e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** Loaded with the first key. */
    private static final class Library {
        private static final Linker LINKER = Linker.nativeLinker();
        private static final SymbolLookup SYMBOLS = SymbolLookup.libraryLookup("libcrypto.so.3", Arena.global());

        /** One shape for every function, as in {@link Sys}. */
        private static final FunctionDescriptor FIVE_WORDS =
                FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);

        private static final MethodHandle CTX_NEW = handle("EVP_CIPHER_CTX_new");
        private static final MethodHandle CTX_FREE = handle("EVP_CIPHER_CTX_free");
        private static final MethodHandle CTRL = handle("EVP_CIPHER_CTX_ctrl");
        private static final MethodHandle ENCRYPT_INIT = handle("EVP_EncryptInit_ex2");
        private static final MethodHandle ENCRYPT_UPDATE = handle("EVP_EncryptUpdate");
        private static final MethodHandle ENCRYPT_FINAL = handle("EVP_EncryptFinal_ex");
        private static final MethodHandle DECRYPT_INIT = handle("EVP_DecryptInit_ex2");
        private static final MethodHandle DECRYPT_UPDATE = handle("EVP_DecryptUpdate");
        private static final MethodHandle DECRYPT_FINAL = handle("EVP_DecryptFinal_ex");

        /** {@code EVP_CIPHER *}, for as long as the process runs. */
        private static final long CIPHER = fetch();

        private static MethodHandle handle(String name) {
            return LINKER.downcallHandle(SYMBOLS.findOrThrow(name), FIVE_WORDS, Linker.Option.critical(false));
        }

        /** Not critical: loads the provider's configuration from disk. */
        private static long fetch() {
            MethodHandle fetch = LINKER.downcallHandle(SYMBOLS.findOrThrow("EVP_CIPHER_fetch"), FIVE_WORDS);
            try (Arena arena = Arena.ofConfined()) {
                long name = arena.allocateFrom("AES-256-GCM").address();
                return (long) fetch.invokeExact(0L, name, 0L, 0L, 0L);
            } catch (Throwable t) {
                throw unexpected(t);
            }
        }
    }

    @Override
    public void seal(long counter, long address, int length) {
        try {
            putNonce(counter);
            int done = (int) (long) Library.ENCRYPT_INIT.invokeExact(context, 0L, 0L, nonce, 0L);
            if (length > 0) {
                done &= (int) (long)
                        Library.ENCRYPT_UPDATE.invokeExact(context, address, nonce + LENGTH, address, (long) length);
            }
            long end = address + length;
            done &= (int) (long) Library.ENCRYPT_FINAL.invokeExact(context, end, nonce + LENGTH, 0L, 0L);
            done &= (int) (long) Library.CTRL.invokeExact(context, (long) CTRL_GET_TAG, (long) TAG_BYTES, end, 0L);
            if (done != 1) {
                throw new IllegalStateException("aead: OpenSSL did not seal");
            }
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    @Override
    public boolean open(long counter, long address, int length) {
        try {
            putNonce(counter);
            int done = (int) (long) Library.DECRYPT_INIT.invokeExact(context, 0L, 0L, nonce, 0L);
            if (length > 0) {
                done &= (int) (long)
                        Library.DECRYPT_UPDATE.invokeExact(context, address, nonce + LENGTH, address, (long) length);
            }
            long end = address + length;
            done &= (int) (long) Library.CTRL.invokeExact(context, (long) CTRL_SET_TAG, (long) TAG_BYTES, end, 0L);
            int right = (int) (long) Library.DECRYPT_FINAL.invokeExact(context, end, nonce + LENGTH, 0L, 0L);
            return (done & right) == 1;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    private void putNonce(long counter) {
        Memory.putLong(nonce + NONCE_COUNTER, Long.reverseBytes(counter));
    }

    /** Frees the context, which OpenSSL overwrites before. */
    @Override
    public void close() {
        if (context != 0) {
            try {
                long _ = (long) Library.CTX_FREE.invokeExact(context, 0L, 0L, 0L, 0L);
            } catch (Throwable t) {
                throw unexpected(t);
            }
            context = 0;
        }
    }

    @Override
    public String toString() {
        return seals ? "OpenSslAead[seals]" : "OpenSslAead[opens]";
    }

    private static RuntimeException unexpected(Throwable t) {
        if (t instanceof IllegalStateException e) {
            return e;
        }
        throw new AssertionError("downcall failed", t);
    }
}
