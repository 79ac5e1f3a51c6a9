package dev.drover.node.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class JoinTokenTest {
    private static final String PIN = "8lLYvQvb40jHW6xtV__CNdoj8G1sOu6b4EL2SfDpeSw";

    @Test
    void readsEnvironmentAndPin() {
        JoinToken token = JoinToken.parse("drv1.env_1.jt_1.c2VjcmV0." + PIN + "\n");
        assertThat(token.environmentId()).isEqualTo("env_1");
        assertThat(token.pin()).isEqualTo(PIN);
        assertThat(token.toString()).doesNotContain("c2VjcmV0");
    }

    @Test
    void refusesOtherTextsWithoutRepeatingThem() {
        assertThatThrownBy(() -> JoinToken.parse("hunter2"))
                .hasMessageContaining("not a join token")
                .message()
                .doesNotContain("hunter2");
        assertThatThrownBy(() -> JoinToken.parse("drv1.env_1.jt_1.c2VjcmV0." + PIN.substring(4)))
                .hasMessageContaining("expected: the whole token");
        assertThatThrownBy(() -> JoinToken.parse("drv1.env_1.jt_1.c2VjcmV0.*" + PIN.substring(1)))
                .hasMessageContaining("expected: the whole token");
    }
}
