package dev.drover.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.state.PrivateKeyFile;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

final class DroverTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... arguments) {
        CommandLine commandLine = Drover.commandLine(arguments);
        commandLine.setOut(new PrintWriter(out));
        commandLine.setErr(new PrintWriter(err));
        return commandLine.execute(arguments);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "nod",
                "env",
                "env create",
                "node --sync-interval soon",
                "node --config x --token y",
                "service scale hello",
                "service scale hello/web=many",
                "service scale web=3",
                "service upgrade web",
                "overlay",
                "overlay trace"
            })
    void wrongUsageIsExitCodeTwoAndSaysWhereHelpIs(String arguments) {
        assertThat(run(arguments.isEmpty() ? new String[0] : arguments.split(" ")))
                .isEqualTo(2);
        assertThat(err.toString()).startsWith("error: ").contains("--help").doesNotContain("\tat ");
        assertThat(err.toString().lines()).hasSize(2);
    }

    @Test
    void aFileThatCannotBeUsedIsExitCodeOneAndOneLine(@TempDir Path temporary) {
        assertThat(run("node", "--config", temporary.resolve("none.yaml").toString()))
                .isEqualTo(1);
        assertThat(err.toString().lines()).hasSize(1);
        assertThat(err.toString()).startsWith("error: ").contains("none.yaml: cannot be read");
    }

    @Test
    void helpListsEveryCommand() {
        assertThat(run("help")).isZero();
        assertThat(out.toString())
                .contains(
                        "server",
                        "node",
                        "standalone",
                        "login",
                        "env",
                        "host",
                        "token",
                        "stack",
                        "service",
                        "ps",
                        "overlay");
    }

    @Test
    void keygenWritesAPrivateKeyOnceAndPrintsThePublicOne(@TempDir Path temporary) {
        String file = temporary.resolve("key").toString();
        assertThat(run("overlay", "keygen", file)).isZero();
        assertThat(out.toString().strip())
                .isEqualTo(PrivateKeyFile.read(Path.of(file)).publicKey().toString());
        assertThat(run("overlay", "keygen", file)).isEqualTo(1);
        assertThat(err.toString())
                .isEqualTo("error: " + file + " exists (expected: a new file, a key is never replaced)\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"env", "env ls", "ps", "service scale", "stack up", "overlay", "overlay trace"})
    void everyCommandHasHelp(String command) {
        assertThat(run((command + " --help").split(" "))).isZero();
        assertThat(out.toString()).startsWith("Usage: drover " + command);
    }

    @Test
    void saysItsVersion() {
        assertThat(run("version")).isZero();
        assertThat(out.toString()).startsWith("drover ");
    }
}
