package dev.drover.dataplane;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A network namespace of its own for a test, and iproute2 in it as the oracle. */
final class TestNs implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final AtomicInteger COUNT = new AtomicInteger();

    final String name = "wiring" + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet();
    final NetNs netNs;

    TestNs() {
        run("ip", "netns", "add", name);
        netNs = NetNs.open("/run/netns/" + name);
    }

    /** Output of {@code ip -d -j ARGS} inside the namespace. */
    JsonNode ip(String... args) {
        List<String> command = new ArrayList<>(List.of("ip", "-n", name, "-d", "-j"));
        command.addAll(List.of(args));
        try {
            return JSON.readTree(run(command.toArray(String[]::new)));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Output of {@code bridge -d -j ARGS} inside the namespace. */
    JsonNode bridge(String... args) {
        List<String> command = new ArrayList<>(List.of("bridge", "-n", name, "-d", "-j"));
        command.addAll(List.of(args));
        try {
            return JSON.readTree(run(command.toArray(String[]::new)));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        netNs.close();
        run("ip", "netns", "del", name);
    }

    static String run(String... command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new AssertionError(String.join(" ", command) + ": " + output);
            }
            return output;
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(String.join(" ", command), e);
        }
    }
}
