package dev.drover.overlay;

import dev.drover.dataplane.NetNs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A network namespace of its own for a test: a host, or a container. */
final class TestNs implements AutoCloseable {
    private static final AtomicInteger COUNT = new AtomicInteger();

    final String name = "wiring" + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet();
    final String path = "/run/netns/" + name;
    final NetNs netNs;

    TestNs() {
        command("ip", "netns", "add", name);
        netNs = NetNs.open(path);
        exec("ip", "link", "set", "lo", "up");
    }

    /** Output of a command that has to succeed inside the namespace. */
    String exec(String... command) {
        return command(inside(command));
    }

    /** Whether one echo request is answered within a second. */
    boolean pings(String address, String... options) {
        try {
            List<String> command = new ArrayList<>(List.of("busybox", "ping", "-c", "1", "-W", "1"));
            command.addAll(List.of(options));
            command.add(address);
            Process process = new ProcessBuilder(inside(command.toArray(String[]::new)))
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.waitFor(5, TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (IOException | InterruptedException e) {
            throw new AssertionError("ping " + address, e);
        }
    }

    String[] inside(String... command) {
        List<String> all = new ArrayList<>(List.of("nsenter", "--net=" + path));
        all.addAll(List.of(command));
        return all.toArray(String[]::new);
    }

    @Override
    public void close() {
        netNs.close();
        command("ip", "netns", "del", name);
    }

    private static String command(String... command) {
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
