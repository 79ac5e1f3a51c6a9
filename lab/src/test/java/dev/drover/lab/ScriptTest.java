package dev.drover.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ScriptTest {
    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
    private final Script script =
            new Script(new PrintStream(printed, true, StandardCharsets.UTF_8), () -> "log of host1");

    @Test
    void goesOnAfterAFailedStepAndTellsWhy() {
        script.step("first", () -> {
            throw new LabException("box1: no address");
        });
        script.step("second", () -> {});
        assertThat(script.passed()).isFalse();
        assertThat(script.outcomes()).extracting(Script.Outcome::problem).containsExactly("box1: no address", null);
        assertThat(text())
                .contains("✗ box1: no address")
                .contains("log of host1")
                .contains("✓");
    }

    @Test
    void playsNothingAfterARequiredStepFailed() {
        boolean[] played = new boolean[1];
        script.required("first", () -> {
            throw new LabException("no server");
        });
        script.step("second", () -> played[0] = true);
        assertThat(played[0]).isFalse();
        assertThat(script.outcomes().getLast().passed()).isFalse();
    }

    @Test
    void cutsLongOutput() {
        script.output(IntStream.range(0, 100).mapToObj(i -> "line " + i).collect(Collectors.joining("\n")));
        assertThat(text()).contains("line 0").doesNotContain("line 50").contains("more lines");
    }

    private String text() {
        return printed.toString(StandardCharsets.UTF_8);
    }
}
