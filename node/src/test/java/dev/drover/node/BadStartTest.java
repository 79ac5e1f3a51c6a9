package dev.drover.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What an operator reads when a node cannot start: one line, exit code 1. */
@Tag("root")
@Timeout(120)
final class BadStartTest {
    private static final String PIN = "8lLYvQvb40jHW6xtV__CNdoj8G1sOu6b4EL2SfDpeSw";

    @TempDir
    Path temporary;

    private TestHost host;

    @BeforeEach
    void open() {
        host = new TestHost(temporary);
    }

    @AfterEach
    void close() {
        host.close();
    }

    private String refusal(String... arguments) {
        TestHost.Result result = host.droverOnce(arguments);
        assertThat(result.code()).as(result.err()).isEqualTo(1);
        assertThat(result.err()).doesNotContain("\tat ");
        return result.err().lines().reduce("", (_, line) -> line);
    }

    private String node(String token, String... more) {
        List<String> arguments = new ArrayList<>(List.of(
                "node",
                "--server",
                "https://127.0.0.1:8443",
                "--token",
                token,
                "--state-dir",
                temporary.resolve("state").toString(),
                "--docker",
                "unix://" + temporary.resolve("none.sock")));
        arguments.addAll(List.of(more));
        return refusal(arguments.toArray(String[]::new));
    }

    @Test
    void withAModeOfTheOverlayThatThereIsNot() {
        assertThat(node("drv1.env.jt.secret." + PIN, "--overlay-mode", "fast"))
                .isEqualTo("error: overlay-mode: fast (expected: auto, super, gso or plain)");
    }

    @Test
    void withoutADockerEngine() {
        assertThat(node("drv1.env.jt.secret." + PIN))
                .startsWith("error: docker: version: unix://" + temporary.resolve("none.sock"))
                .contains("expected: a Docker engine listening there");
    }

    @Test
    void withABadToken() {
        assertThat(node("hunter2")).startsWith("error: token: not a join token").doesNotContain("hunter2");
    }

    @Test
    void withABrokenFile() throws Exception {
        Path file = Files.writeString(temporary.resolve("node.yaml"), "dns:\n  bnid: 127.0.0.1:0\n");
        assertThat(refusal("node", "--config", file.toString()))
                .isEqualTo("error: " + file + ":2: dns.bnid: unknown key (expected: bind?)");
    }

    @Test
    void withAVtepOfAnotherHost() throws Exception {
        Path file = Files.writeString(temporary.resolve("node.yaml"), "overlay: {vni: 5, vtep: 203.0.113.9}\n");
        assertThat(refusal("node", "--config", file.toString())).contains("203.0.113.9");
    }

    @Test
    void withAPortThatIsTaken() throws Exception {
        Path file = Files.writeString(temporary.resolve("node.yaml"), """
                lb:
                  listeners:
                    - {name: a, bind: 127.0.0.1:9821, protocol: tcp, targets: ["127.0.0.1:9001"]}
                """);
        Process first = host.drover("first", "node", "--config", file.toString());
        Awaitility.await()
                .atMost(Duration.ofSeconds(60))
                .until(() -> host.output("first").contains("node serving"));
        assertThat(refusal("node", "--config", file.toString()))
                .contains("127.0.0.1:9821")
                .contains("in use");
        assertThat(first.isAlive()).isTrue();
    }
}
