package dev.drover.node;

import dev.drover.controlplane.link.Up;
import dev.drover.overlay.Encryption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What this host says of itself. */
final class HostFactsReader {
    private static final Path MEMINFO = Path.of("/proc/meminfo");

    private HostFactsReader() {}

    static Up.HostFacts read(
            String vtep, Map<String, String> labels, @Nullable String engine, @Nullable Encryption encryption) {
        return new Up.HostFacts(
                vtep,
                labels,
                engine,
                System.getProperty("os.version", "unknown"),
                Runtime.getRuntime().availableProcessors(),
                memoryBytes(),
                encryption == null ? null : encryption.publicKey().toString());
    }

    /** Zero when the kernel does not tell. */
    private static long memoryBytes() {
        try {
            return Files.readAllLines(MEMINFO).stream()
                    .filter(line -> line.startsWith("MemTotal:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
                    .findFirst()
                    .orElse(0);
        } catch (IOException e) {
            return 0;
        }
    }
}
