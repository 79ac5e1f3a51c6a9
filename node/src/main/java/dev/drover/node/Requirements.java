package dev.drover.node;

import dev.drover.node.cli.CliException;
import dev.drover.node.docker.Engine;
import dev.drover.node.docker.EngineException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a node needs of its host, checked before anything is changed. */
final class Requirements {
    private static final Path TUN = Path.of("/dev/net/tun");

    private Requirements() {}

    /** @throws CliException when not root, or the kernel has no TUN */
    static void checkHost() {
        try {
            boolean root = Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .anyMatch(line -> line.matches("Uid:\\s+\\d+\\s+0\\s.*"));
            if (!root) {
                throw new CliException("user: not root (expected: root, to make interfaces and enter namespaces)");
            }
        } catch (IOException e) {
            throw new CliException("/proc: cannot be read (expected: Linux with /proc)", e);
        }
        if (!Files.exists(TUN)) {
            throw new CliException(TUN + ": missing (expected: a kernel with TUN, try: modprobe tun)");
        }
    }

    /** @throws CliException when no Docker engine answers at the socket */
    static void checkEngine(String socket) {
        try (Engine engine = Engine.connect(socket)) {
            engine.list();
        } catch (EngineException e) {
            throw new CliException("docker: " + e.getMessage(), e);
        }
    }
}
