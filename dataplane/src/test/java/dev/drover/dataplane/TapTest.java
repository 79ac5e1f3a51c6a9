package dev.drover.dataplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("root")
@Timeout(30)
class TapTest {
    @Test
    void aDeviceHasItsQueuesAndVanishesWithThem() throws Exception {
        try (TestNs ns = new TestNs()) {
            ns.netNs.run(() -> {
                try (Tap tap = Tap.open("drttest", 2);
                        Slab slab = new Slab();
                        Rtnetlink netlink = Rtnetlink.open()) {
                    assertThat(tap.queues()).isEqualTo(2);
                    assertThat(netlink.links().find("drttest")).isPresent();
                    assertThat(Sys.read(tap.queue(1), slab.allocate(2_000), 2_000))
                            .isEqualTo(-Sys.EAGAIN);
                }
                try (Rtnetlink netlink = Rtnetlink.open()) {
                    assertThat(netlink.links().find("drttest")).isEmpty();
                }
            });
        }
    }

    @Test
    void aTakenNameIsTold() throws Exception {
        try (TestNs ns = new TestNs()) {
            ns.netNs.run(() -> {
                try (Tap tap = Tap.open("drttest", 1)) {
                    assertThatThrownBy(() -> Tap.open(tap.name(), 1))
                            .isInstanceOf(SysException.class)
                            .hasMessage("create tap drttest: Device or resource busy");
                }
            });
        }
    }

    @Test
    void aNameThatIsTooLongIsRefused() {
        assertThatThrownBy(() -> Tap.open("sixteen-bytes-xx", 1))
                .hasMessage("tap: sixteen-bytes-xx (expected: 1 to 15 bytes)");
    }
}
