package dev.drover.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two nodes of an encrypted environment: keys reach the peers by the control plane, and nothing else does. */
@Tag("root")
@Timeout(300)
final class EncryptedNodesTest {
    private static final Duration START = Duration.ofSeconds(90);
    private static final Pattern PASSWORD = Pattern.compile("admin password: (\\S+)");

    @TempDir
    static Path temporary;

    private static Process start(TestHost host, int number, String server, String token) {
        return host.drover(
                "node" + number,
                "node",
                "--server",
                server,
                "--token",
                token,
                "--name",
                "host" + number,
                "--vtep",
                number == 1 ? TestHost.ADDRESS : TestHost.SECOND_ADDRESS,
                "--state-dir",
                temporary.resolve("state" + number).toString(),
                "--docker",
                "unix://" + temporary.resolve("docker.sock"));
    }

    private static String gateway(TestHost host) {
        String block = host.admin("/node").path("block").asText();
        return block.replaceFirst("\\d+/\\d+$", "1");
    }

    private static long counted(TestHost host, String group, String name) {
        return host.admin("/overlay").path("status").path(group).path(name).asLong();
    }

    /** By the commands of an operator: what is sealed on the wire is plain in the file. */
    private static void packetsAndFlowsAreShown(TestHost host, String target) throws Exception {
        Path file = temporary.resolve("inner.pcapng");
        Process capture = host.drover(
                "capture", "overlay", "capture", "--container", target, "--count", "2", "-w", file.toString());
        await().atMost(START)
                .until(() -> host.succeeds("busybox", "ping", "-c", "1", "-W", "1", "-p", "5a", target)
                        && !capture.isAlive());
        assertThat(capture.exitValue()).as(host.output("capture")).isZero();
        assertThat(host.output("capture")).contains("2 packets captured, 0 lost by the capture");
        assertThat(Files.getPosixFilePermissions(file)).hasSize(2);
        String content = Files.readString(file, StandardCharsets.ISO_8859_1);
        assertThat(content).startsWith("\n\r\r\n").contains("ZZZZZZZZZZZZZZZZ", "to peer " + TestHost.ADDRESS);
        TestHost.Result refused = host.droverOnce("overlay", "capture", "--seconds", "0", "-w", "-");
        assertThat(refused.code()).isEqualTo(1);
        assertThat(refused.err()).contains("seconds: 0 (expected: 1 to 86400)");
        host.inside("ping", "-q", "-c", "600", "-i", "0.002", target); // more than pass between two samples
        assertThat(host.droverOnce("overlay", "flows").out())
                .contains("VERDICT")
                .contains("passed");
    }

    @Test
    void nodesOfAnEncryptedEnvironmentReachEachOtherSealed() throws Exception {
        try (TestHost one = new TestHost(temporary);
                TestHost two = new TestHost(one)) {
            one.startEngine();
            one.drover(
                    "server",
                    "server",
                    "--state-dir",
                    temporary.resolve("server").toString());
            await().atMost(START).until(() -> one.output("server").contains("next: "));
            Matcher password = PASSWORD.matcher(one.output("server"));
            assertThat(password.find()).isTrue();
            String session = one.api(
                            "POST", "/v1/login", "", "{\"user\":\"admin\",\"password\":\"" + password.group(1) + "\"}")
                    .path("token")
                    .asText();
            one.api("POST", "/v1/environments", session, "{\"name\":\"secret\",\"encryption\":true}");
            String token = one.api("POST", "/v1/environments/secret/join-tokens", session, "{}")
                    .path("token")
                    .asText();
            start(one, 1, "https://127.0.0.1:8443", token);
            start(two, 2, "https://" + TestHost.ADDRESS + ":8443", token);
            await().atMost(START)
                    .until(() -> one.admin("/node").path("connected").asBoolean()
                            && two.admin("/node").path("connected").asBoolean());
            String target = gateway(one);
            await().atMost(Duration.ofSeconds(20))
                    .until(() -> two.succeeds("busybox", "ping", "-c", "1", "-W", "1", target));
            assertThat(counted(one, "traffic", "HANDSHAKES")).isPositive();
            assertThat(counted(one, "drops", "PLAINTEXT")).isZero();
            assertThat(one.admin("/node").path("problems").isEmpty()).isTrue();

            packetsAndFlowsAreShown(two, target);
            String secret =
                    Files.readString(temporary.resolve("state1/overlay.key")).strip();
            JsonNode overlay = one.admin("/overlay");
            assertThat(overlay.path("status").path("mtu").asInt()).isEqualTo(1_500 - 50 - 32);
            String own = overlay.path("config").path("encryption").asText();
            assertThat(own).startsWith("public-key ");
            assertThat(two.admin("/overlay").toString()).contains(own.substring("public-key ".length()));
            assertThat(overlay.toString()).doesNotContain(secret);
            assertThat(one.output("node1")).doesNotContain(secret);
            assertThat(one.output("server")).doesNotContain(secret);
            assertThat(one.inside("curl", "-sS", "http://127.0.0.1:9901/metrics"))
                    .contains("drover_overlay_events_total{event=\"handshakes\"}")
                    .contains("drover_overlay_peer_session{vtep=\"" + TestHost.SECOND_ADDRESS + "\"} 1")
                    .doesNotContain(secret);
            assertThat(one.inside(
                            "grep",
                            "-c",
                            "-a",
                            secret,
                            temporary.resolve("state1/overlay.key").toString()))
                    .isEqualTo("1");
            assertThat(one.succeeds(
                            "grep",
                            "-r",
                            "-q",
                            "-a",
                            secret,
                            temporary.resolve("server").toString()))
                    .as("the server has the private key")
                    .isFalse();
        }
    }
}
