package dev.drover.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LabSpecTest {
    @Test
    void hostsHaveConsecutiveAddressesAfterTheControlPlane() {
        LabSpec spec = new LabSpec("a", 3);
        assertThat(spec.hosts()).containsExactly("host1", "host2", "host3");
        assertThat(spec.address("host1")).isEqualTo("192.0.2.11");
        assertThat(spec.address("host3")).isEqualTo("192.0.2.13");
        assertThat(spec.address("cp")).isEqualTo("192.0.2.2");
    }

    @Test
    void socketsOfTheLongestNamesFitIntoASocketAddress() {
        LabSpec spec = new LabSpec("a".repeat(16), 100);
        String containerd = spec.runDir("host100", "x") + "/containerd/containerd-debug.sock.ttrpc";
        assertThat(containerd.getBytes(StandardCharsets.UTF_8).length).isLessThan(108);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "A", "a-b", "../x", "a/b", "abcdefghijklmnopq"})
    void refusesAnIdThatIsUnsafeInAPathOrCouldBeThePrefixOfAnother(String id) {
        assertThatThrownBy(() -> new LabSpec(id, 1))
                .isInstanceOf(LabException.class)
                .hasMessageStartingWith("id: " + id + " (expected:");
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, 101})
    void refusesANumberOfHostsOutsideItsRange(int size) {
        assertThatThrownBy(() -> new LabSpec("a", size)).hasMessage("hosts: " + size + " (expected: 1 to 100)");
    }

    @Test
    void namesTheHostsWhenAskedForAnUnknownOne() {
        assertThatThrownBy(() -> new LabSpec("a", 2).requireMember("host3"))
                .hasMessage("host: host3 (expected: one of host1, host2, cp)");
    }
}
