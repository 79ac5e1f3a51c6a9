package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import org.junit.jupiter.api.Test;

class AttachRequestTest {
    @Test
    void theHostEndIsNamedByTheWholeKeyWithinTheKernelsLimit() {
        assertThat(ContainerNetwork.interfaceName("0123456789ab"))
                .isEqualTo("drv0123456789ab")
                .hasSize(15);
    }

    @Test
    void aKeyThatIsNoShortIdIsRefused() {
        assertThatThrownBy(() -> request("0123456789abc", "10.42.1.2", 1450))
                .hasMessage("key: 0123456789abc (expected: 1 to 12 letters or digits)");
        assertThatThrownBy(() -> request("../x", "10.42.1.2", 1450)).hasMessageStartingWith("key: ../x");
    }

    @Test
    void anAddressOutsideTheSubnetOrOfTheHostIsRefused() {
        assertThatThrownBy(() -> request("a", "10.43.1.2", 1450))
                .hasMessage("address: 10.43.1.2 (expected: within 10.42.0.0/16)");
        assertThatThrownBy(() -> request("a", "10.42.1.1", 1450))
                .hasMessage("address: 10.42.1.1 (expected: another than the gateway's)");
    }

    @Test
    void anMtuOutOfRangeIsRefused() {
        assertThatThrownBy(() -> request("a", "10.42.1.2", 500)).hasMessage("mtu: 500 (expected: 576 to 65535)");
    }

    @Test
    void superFramesFitIntoOneSend() {
        assertThat(GsoLimits.of(1450, false)).isEqualTo(new GsoLimits(61440, 44));
        assertThat(GsoLimits.of(1418, true)).isEqualTo(new GsoLimits(61440, 44));
        for (int mtu : new int[] {1280, 1400, 1450, 1500, 4000, 8950, 65535}) {
            GsoLimits limits = GsoLimits.of(mtu, false);
            assertThat(limits.segments()).isBetween(1, 64);
            assertThat(limits.segments() == 1 || limits.segments() * (mtu + 22) <= 65507)
                    .isTrue();
        }
    }

    private static AttachRequest request(String key, String address, int mtu) {
        return new AttachRequest(
                key,
                "/proc/1/ns/net",
                Cidr.parse("10.42.0.0/16"),
                Cidr.parseAddress(address),
                Mac.random(),
                Cidr.parseAddress("10.42.1.1"),
                Cidr.parseAddress("169.254.169.250"),
                "drv1042",
                mtu);
    }
}
