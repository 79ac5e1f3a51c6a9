package dev.drover.dataplane;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SocketNameTest {
    @ParameterizedTest
    @CsvSource({"192.0.2.200, 2, 16, 4", "2001:db8:1:2:3:4:5:6, 10, 28, 8"})
    void aNameHoldsFamilyPortAndAddress(String text, int family, int length, int at) {
        try (Slab slab = new Slab()) {
            InetAddress address = InetAddress.ofLiteral(text);
            SocketName name = SocketName.of(address, 4789);
            long memory = slab.allocate(SocketName.BYTES);
            name.put(memory);
            assertThat(name.length()).isEqualTo(length);
            assertThat(Memory.getShort(memory)).isEqualTo(family);
            assertThat(SocketName.port(memory)).isEqualTo(4789);
            byte[] bytes = address.getAddress();
            assertThat(Memory.copyOut(memory + at, bytes.length)).isEqualTo(bytes);
            assertThat(SocketName.high(memory)).isEqualTo(SocketName.high(address));
            assertThat(SocketName.low(memory)).isEqualTo(SocketName.low(address));
        }
    }

    @Test
    void anIpv4AddressReadsAsItsMappedForm() {
        InetAddress address = InetAddress.ofLiteral("192.0.2.1");
        assertThat(SocketName.high(address)).isZero();
        assertThat(SocketName.low(address)).isEqualTo(0xffff_c000_0201L);
    }
}
