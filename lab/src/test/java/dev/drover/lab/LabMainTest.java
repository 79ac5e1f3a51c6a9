package dev.drover.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.ParseResult;

class LabMainTest {
    @Test
    void optionsAfterTheHostBelongToTheCommandThere() {
        ParseResult exec = LabMain.commandLine().parseArgs("exec", "--id", "x", "host1", "ls", "-l", "--id", "y");
        assertThat(exec.subcommand().matchedOptionValue("--id", "")).isEqualTo("x");
        assertThat(exec.subcommand().matchedPositionals().stream().flatMap(each -> each.stringValues().stream()))
                .containsExactly("host1", "ls", "-l", "--id", "y");
    }

    @Test
    void theDockerCliGetsItsOwnOptions() {
        ParseResult docker = LabMain.commandLine().parseArgs("docker", "host1", "run", "--rm", "-it", "busybox");
        assertThat(docker.subcommand().matchedPositionals().getLast().stringValues())
                .containsExactly("run", "--rm", "-it", "busybox");
    }

    @Test
    void aProblemIsOneLineThatNamesWhatIsExpected() {
        StringWriter errors = new StringWriter();
        CommandLine line = LabMain.commandLine().setErr(new PrintWriter(errors));
        assertThat(line.execute("exec", "--id", "nosuchlab", "host1", "true")).isEqualTo(1);
        assertThat(errors.toString().lines())
                .singleElement()
                .asString()
                .startsWith("drover: lab: nosuchlab (expected: one of");
    }

    @Test
    void aWrongCallIsExitCodeTwo() {
        CommandLine line = LabMain.commandLine().setErr(new PrintWriter(new StringWriter()));
        assertThat(line.execute("up", "many")).isEqualTo(2);
        assertThat(line.execute("exec", "host1")).isEqualTo(2);
    }
}
