package dev.drover.dataplane;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class ChecksumTest {
    /** RFC 1071 section 4.1, in the order of the bytes. */
    private static int slow(byte[] bytes) {
        int sum = 0;
        for (int i = 0; i < bytes.length; i += 2) {
            int low = i + 1 < bytes.length ? bytes[i + 1] & 0xff : 0;
            sum += (bytes[i] & 0xff) << 8 | low;
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return sum;
    }

    @Test
    void everyLengthAndAlignmentSumsAsTheReference() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (Slab slab = new Slab()) {
            long memory = slab.allocate(70_000);
            for (int length = 0; length < 1_600; length++) {
                byte[] bytes = new byte[length];
                random.nextBytes(bytes);
                long address = memory + random.nextInt(9);
                Memory.copyIn(bytes, address);
                Memory.putShort(memory + 69_000, Checksum.fold(Checksum.add(0, address, length)));
                assertThat(Memory.getShortBe(memory + 69_000))
                        .as("seed %d length %d", seed, length)
                        .isEqualTo(slow(bytes));
            }
        }
    }

    @Test
    void foldingNeverLosesACarry() {
        try (Slab slab = new Slab()) {
            long memory = slab.allocate(65_536);
            for (int i = 0; i < 65_536; i++) {
                Memory.putByte(memory + i, 0xff);
            }
            assertThat(Checksum.fold(Checksum.add(0xffff_ffffL, memory, 65_536)))
                    .isEqualTo(0xffff);
            assertThat(Checksum.finish(Checksum.add(0, memory, 65_535))).isEqualTo(~0x00ff & 0xffff);
        }
    }

    @Test
    void aWordInHostOrderSumsAsTheBytesOnTheWire() {
        try (Slab slab = new Slab()) {
            long memory = slab.allocate(8);
            Memory.putShortBe(memory, 0x1234);
            assertThat(Checksum.add(0, memory, 2)).isEqualTo(Checksum.word(0x1234));
        }
    }
}
