package dev.drover.lab;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("root")
@Timeout(30)
class ForwarderTest {
    private final String netns = "drvlabfw" + ProcessHandle.current().pid();

    @Test
    void reachesALoopbackServerInsideANamespace() throws IOException {
        Shell.quick("ip", "netns", "add", netns);
        try {
            Shell.quick("ip", "-n", netns, "link", "set", "lo", "up");
            Path path = Path.of("/run/netns", netns);
            InetSocketAddress target = new InetSocketAddress(InetAddress.getLoopbackAddress(), 7070);
            Process server = new ProcessBuilder(
                            "nsenter", "--net=" + path, "busybox", "nc", "-l", "-p", "7070", "-e", "echo", "inside")
                    .start();
            try (Forwarder forwarder = Forwarder.open(0, path, target)) {
                await().until(() -> answer(forwarder.port()).equals("inside\n"));
            } finally {
                server.destroyForcibly();
            }
        } finally {
            Shell.quick("ip", "netns", "del", netns);
        }
    }

    @Test
    void aTakenPortIsNamed() throws IOException {
        Path here = Path.of("/proc/self/ns/net");
        InetSocketAddress nowhere = new InetSocketAddress(InetAddress.getLoopbackAddress(), 1);
        try (Forwarder first = Forwarder.open(0, here, nowhere)) {
            assertThatThrownBy(() -> Forwarder.open(first.port(), here, nowhere))
                    .isInstanceOf(LabException.class)
                    .hasMessageStartingWith("port 127.0.0.1:" + first.port());
        }
    }

    private static String answer(int port) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
