package dev.drover.dataplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("root")
@Timeout(30)
class TcxRedirectTest {
    private static final int FRAME_BYTES = 60;
    /** For local experiments (IEEE 802). */
    private static final int TYPE = 0x88b5;

    @Test
    void whatEntersOneInterfaceLeavesByTheOtherUntilClosed() throws Exception {
        try (TestNs ns = new TestNs()) {
            ns.netNs.run(() -> {
                try (Tap in = Tap.open("in", 1);
                        Tap out = Tap.open("out", 1);
                        Slab slab = new Slab();
                        Rtnetlink netlink = Rtnetlink.open()) {
                    int from = netlink.links().get("in").index();
                    int to = netlink.links().get("out").index();
                    netlink.links().setUpWithoutIpv6(from);
                    netlink.links().setUpWithoutIpv6(to);
                    long frame = slab.allocate(Tap.VNET_HEADER_BYTES + FRAME_BYTES);
                    long read = slab.allocate(2_000);
                    Memory.putShortBe(frame + Tap.VNET_HEADER_BYTES + 12, TYPE);
                    Memory.putByte(frame + Tap.VNET_HEADER_BYTES + 20, 7);
                    try (TcxRedirect _ = TcxRedirect.verbatim(from, to)) {
                        write(in, frame);
                        assertThat(next(out, read)).isEqualTo(Tap.VNET_HEADER_BYTES + FRAME_BYTES);
                        assertThat(Memory.getByte(read + Tap.VNET_HEADER_BYTES + 20))
                                .isEqualTo(7);
                    }
                    write(in, frame);
                    assertThat(next(out, read)).isEqualTo(-Sys.EAGAIN);
                }
            });
        }
    }

    private static void write(Tap tap, long frame) {
        assertThat(Sys.write(tap.queue(0), frame, Tap.VNET_HEADER_BYTES + FRAME_BYTES))
                .isEqualTo(Tap.VNET_HEADER_BYTES + FRAME_BYTES);
    }

    /** The next frame but for the kernel's own, such as its multicast reports. */
    private static long next(Tap tap, long buffer) {
        long length;
        do {
            length = Sys.read(tap.queue(0), buffer, 2_000);
        } while (length > 0 && Memory.getShortBe(buffer + Tap.VNET_HEADER_BYTES + 12) != TYPE);
        return length;
    }

    @Test
    void anInterfaceThatIsNotThereIsRefused() {
        assertThatThrownBy(() -> TcxRedirect.verbatim(Integer.MAX_VALUE, 1))
                .isInstanceOf(SysException.class)
                .hasMessageStartingWith("attach program to interface 2147483647: ");
    }
}
