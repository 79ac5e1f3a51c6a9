package dev.drover.dataplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AeadTest {
    private static final int MAX_BYTES = 2_000;

    private final byte[] key =
            HexFormat.of().parseHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");

    enum By {
        OPENSSL,
        JDK;

        Aead open(byte[] key, boolean seals, Slab slab) {
            if (this == JDK) {
                return new JdkAead(key, seals);
            }
            String problem = OpenSslAead.problem();
            assumeTrue(problem == null, problem);
            return new OpenSslAead(key, seals, slab);
        }
    }

    private byte[] reference(long counter, byte[] plain) throws Exception {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        byte[] nonce = ByteBuffer.allocate(12).putInt(0).putLong(counter).array();
        cipher.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key, "AES"), new GCMParameterSpec(128, nonce));
        return cipher.doFinal(plain);
    }

    @ParameterizedTest
    @EnumSource
    void everySizeIsSealedAsTheReferenceDoesAndOpensAgain(By by) throws Exception {
        Random random = new Random(3);
        try (Slab slab = new Slab();
                Aead seal = by.open(key, true, slab);
                Aead open = by.open(key, false, slab)) {
            long area = slab.allocate(MAX_BYTES + 64);
            for (int size = 0; size <= MAX_BYTES; size++) {
                long counter = random.nextLong();
                byte[] plain = new byte[size];
                random.nextBytes(plain);
                long address = area + size % 16;
                Memory.copyIn(plain, address);
                Memory.putLong(address + size + Aead.TAG_BYTES, 0x5555_5555_5555_5555L);
                seal.seal(counter, address, size);
                assertThat(Memory.copyOut(address, size + Aead.TAG_BYTES))
                        .as("size %d", size)
                        .isEqualTo(reference(counter, plain));
                assertThat(Memory.getLong(address + size + Aead.TAG_BYTES)).isEqualTo(0x5555_5555_5555_5555L);
                assertThat(open.open(counter, address, size))
                        .as("size %d", size)
                        .isTrue();
                assertThat(Memory.copyOut(address, size)).isEqualTo(plain);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void anyChangedBitOrCounterIsRefusedAndTheNextPacketStillOpens(By by) {
        try (Slab slab = new Slab();
                Aead seal = by.open(key, true, slab);
                Aead open = by.open(key, false, slab)) {
            long address = slab.allocate(100);
            for (int bit = 0; bit < 8 * (40 + Aead.TAG_BYTES); bit++) {
                seal.seal(bit, address, 40);
                long changed = address + bit / 8;
                Memory.putByte(changed, Memory.getByte(changed) ^ 1 << bit % 8);
                assertThat(open.open(bit, address, 40)).as("bit %d", bit).isFalse();
            }
            seal.seal(5_000, address, 40);
            assertThat(open.open(5_001, address, 40)).isFalse();
            seal.seal(5_002, address, 40);
            assertThat(open.open(5_002, address, 40)).isTrue();
        }
    }

    @Test
    void theTwoImplementationsUnderstandEachOther() {
        try (Slab slab = new Slab();
                Aead seal = By.OPENSSL.open(key, true, slab);
                Aead open = By.JDK.open(key, false, slab)) {
            long address = slab.allocate(2_000);
            seal.seal(-1, address, 1_472);
            assertThat(open.open(-1, address, 1_472)).isTrue();
            assertThat(Memory.copyOut(address, 1_472)).containsOnly(0);
        }
    }

    @Test
    void openSslAllocatesNothing() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        int quiet = 0;
        try (Slab slab = new Slab();
                Aead seal = By.OPENSSL.open(key, true, slab);
                Aead open = By.OPENSSL.open(key, false, slab)) {
            long address = slab.allocate(2_000);
            for (long i = 0; i < 200_000 && quiet < 1_000; i++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                seal.seal(i, address, 1_400);
                boolean right = open.open(i, address, 1_400);
                quiet = threads.getCurrentThreadAllocatedBytes() == before ? quiet + 1 : 0;
                assertThat(right).isTrue();
            }
        }
        assertThat(quiet).isEqualTo(1_000);
    }

    @Test
    void aKeyOfAnotherLengthIsRefused() {
        try (Slab slab = new Slab()) {
            assertThatThrownBy(() -> Aead.sealing(Arrays.copyOf(key, 16), slab))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("key: 16 bytes (expected: 32)");
        }
    }
}
