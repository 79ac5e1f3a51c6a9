package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ModeWatchTest {

    @Test
    void aLesserModeThanTheKernelPromisesIsToldOnce() {
        assertThat(ModeWatch.complaint(Mode.AUTO, Mode.GSO, null, "6.17.0-1-amd64"))
                .isEqualTo("kernel 6.17.0-1-amd64 should have mode super");
        assertThat(ModeWatch.complaint(Mode.AUTO, Mode.PLAIN, null, "7.0-rc1")).isNotNull();
        assertThat(ModeWatch.complaint(Mode.AUTO, Mode.GSO, null, "6.16.9")).isNull();
        assertThat(ModeWatch.complaint(Mode.AUTO, Mode.GSO, null, "linux")).isNull();
        assertThat(ModeWatch.complaint(Mode.AUTO, Mode.SUPER, null, "6.17.0")).isNull();
        assertThat(ModeWatch.complaint(Mode.GSO, Mode.GSO, null, "6.17.0")).isNull();
        assertThat(ModeWatch.complaint(Mode.AUTO, Mode.GSO, Mode.GSO, "6.17.0")).isNull();
    }

    @Test
    void aModeThatBecomesLesserIsTold() {
        assertThat(ModeWatch.complaint(Mode.AUTO, Mode.GSO, Mode.SUPER, "6.17.0"))
                .isEqualTo("mode was super before");
        assertThat(ModeWatch.complaint(Mode.AUTO, Mode.PLAIN, Mode.GSO, "5.4.0"))
                .isEqualTo("mode was gso before");
        assertThat(ModeWatch.complaint(Mode.AUTO, Mode.SUPER, Mode.GSO, "6.17.0"))
                .isNull();
    }
}
