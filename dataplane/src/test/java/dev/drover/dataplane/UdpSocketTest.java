package dev.drover.dataplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.Inet4Address;
import java.net.InetAddress;
import org.junit.jupiter.api.Test;

class UdpSocketTest {
    private static final Inet4Address LOOPBACK = Inet4Address.ofLiteral("127.0.0.1");
    private static final int BUFFER_BYTES = 65_536;

    @Test
    void aTakenPortIsNamed() {
        try (UdpSocket first = UdpSocket.open(LOOPBACK, 0, false, BUFFER_BYTES)) {
            assertThat(first.port()).isPositive();
            assertThatThrownBy(() -> UdpSocket.open(LOOPBACK, first.port(), false, BUFFER_BYTES))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("bind 127.0.0.1:" + first.port() + ": Address already in use");
        }
    }

    @Test
    void anAddressOfAnotherHostIsNamed() {
        assertThatThrownBy(() -> UdpSocket.open(Inet4Address.ofLiteral("192.0.2.222"), 4789, false, BUFFER_BYTES))
                .hasMessage("bind 192.0.2.222:4789: no interface has the address 192.0.2.222");
    }

    @Test
    void sharedSocketsHaveOnePort() {
        try (UdpSocket first = UdpSocket.open(LOOPBACK, 0, true, BUFFER_BYTES);
                UdpSocket second = UdpSocket.open(LOOPBACK, first.port(), true, BUFFER_BYTES)) {
            assertThat(second.port()).isEqualTo(first.port());
        }
    }

    @Test
    void ipv6AddressesAreBoundAndNamed() {
        InetAddress loopback = InetAddress.ofLiteral("::1");
        try (UdpSocket first = UdpSocket.open(loopback, 0, false, BUFFER_BYTES)) {
            assertThat(first.port()).isPositive();
            assertThatThrownBy(() -> UdpSocket.open(loopback, first.port(), false, BUFFER_BYTES))
                    .hasMessage("bind [::1]:" + first.port() + ": Address already in use");
        }
        assertThatThrownBy(() -> UdpSocket.open(InetAddress.ofLiteral("2001:db8::9"), 4789, false, BUFFER_BYTES))
                .hasMessageContaining("[2001:db8::9]:4789");
    }
}
