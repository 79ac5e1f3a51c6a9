package dev.drover.dataplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class NetNsTest {
    @Test
    @Tag("root")
    void aTaskRunsInsideAndItsThreadEndsThere() {
        try (TestNs other = new TestNs();
                NetNs here = NetNs.current()) {
            assertThat(other.netNs.same(here)).isFalse();

            Thread worker = other.netNs.call(() -> {
                try (NetNs inside = NetNs.current()) {
                    assertThat(inside.same(other.netNs)).isTrue();
                    assertThat(inside.inode()).isEqualTo(other.netNs.inode());
                }
                return Thread.currentThread();
            });

            assertThat(worker.isVirtual()).isFalse();
            assertThat(worker.isAlive()).isFalse();
            try (NetNs still = NetNs.current()) {
                assertThat(still.same(here)).isTrue();
            }
        }
    }

    @Test
    @Tag("root")
    void whatATaskThrowsIsPassedThrough() {
        IOException checked = new IOException("broken");
        IllegalStateException unchecked = new IllegalStateException("wrong");
        AssertionError error = new AssertionError("impossible");
        try (TestNs other = new TestNs()) {
            assertThatThrownBy(() -> other.netNs.run(() -> {
                        throw checked;
                    }))
                    .isSameAs(checked);
            assertThatThrownBy(() -> other.netNs.run(() -> {
                        throw unchecked;
                    }))
                    .isSameAs(unchecked);
            assertThatThrownBy(() -> other.netNs.run(() -> {
                        throw error;
                    }))
                    .isSameAs(error);
        }
    }

    @Test
    @Tag("root")
    void anInterruptWaitsForTheTaskAndIsKept() {
        try (TestNs other = new TestNs()) {
            Thread.currentThread().interrupt();

            assertThat(other.netNs.call(() -> "done")).isEqualTo("done");

            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    @Tag("root")
    void settingsAreThoseOfTheNamespaceOfTheThread() {
        try (TestNs other = new TestNs()) {
            String before = Sysctl.read("ipv4/ip_forward");

            other.netNs.run(() -> {
                Sysctl.ensure("ipv4/ip_forward", 0);
                assertThat(Sysctl.ensure("ipv4/ip_forward", 1)).isTrue();
                assertThat(Sysctl.ensure("ipv4/ip_forward", 1)).isFalse();
                assertThat(Sysctl.ensureIfPresent("ipv4/conf/none0/rp_filter", 2))
                        .isFalse();
            });

            assertThat(other.netNs.call(() -> Sysctl.read("ipv4/ip_forward"))).isEqualTo("1");
            assertThat(Sysctl.read("ipv4/ip_forward")).isEqualTo(before);
        }
    }

    @Test
    void aPathThatIsNotThereIsAClearError() {
        assertThatThrownBy(() -> NetNs.open("/run/netns/not-there"))
                .isInstanceOf(SysException.class)
                .hasMessage("open network namespace /run/netns/not-there: No such file or directory");
    }

    @Test
    void aKeyOutsideTheNetworkSettingsIsRefused() {
        assertThatThrownBy(() -> Sysctl.read("../kernel/hostname"))
                .hasMessage("sysctl: ../kernel/hostname (expected: a key such as ipv4/ip_forward)");
    }
}
