package dev.drover.lab;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Runs commands of the machine, each with a deadline; output is captured as UTF-8, errors joined to it. */
public final class Shell {
    /** Enough for anything that only talks to the kernel. */
    static final Duration QUICK = Duration.ofSeconds(10);

    /** What a command that ended left. */
    public record Result(List<String> command, int exit, String output) {
        public boolean ok() {
            return exit == 0;
        }

        /** The output of a command that must have succeeded. */
        public String orThrow() {
            if (ok()) {
                return output;
            }
            throw new LabException("exit %d: %s%n%s".formatted(exit, String.join(" ", command), output.strip()));
        }
    }

    private Shell() {}

    /** Runs a command to its end. A command that outlives the deadline is killed and reported. */
    public static Result run(Duration deadline, List<String> command) {
        return run(deadline, command, Map.of());
    }

    /** {@link #run(Duration, List)} with more environment variables. */
    public static Result run(Duration deadline, List<String> command, Map<String, String> environment) {
        Process process = start(command, environment, ProcessBuilder.Redirect.PIPE);
        CompletableFuture<byte[]> output = CompletableFuture.supplyAsync(
                () -> readAll(process.getInputStream()),
                task -> Thread.ofVirtual().start(task));
        try {
            process.getOutputStream().close();
            if (!process.waitFor(deadline.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new LabException(
                        "no end after %d s: %s".formatted(deadline.toSeconds(), String.join(" ", command)));
            }
            // A daemon that the command left behind may hold the pipe open, so the wait for the last bytes is bounded.
            String text = new String(output.get(QUICK.toMillis(), TimeUnit.MILLISECONDS), StandardCharsets.UTF_8);
            return new Result(List.copyOf(command), process.exitValue(), text);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LabException("interrupted: " + String.join(" ", command), e);
        } catch (IOException | ExecutionException | TimeoutException e) {
            throw new LabException("output of " + String.join(" ", command) + ": " + e, e);
        } finally {
            process.destroyForcibly();
        }
    }

    /** Runs a quick command that must succeed and returns its output. */
    public static String quick(String... command) {
        return run(QUICK, List.of(command)).orThrow();
    }

    /** Runs a command on this process's terminal and returns its exit code. */
    static int attached(List<String> command, Map<String, String> environment) {
        ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
        builder.environment().putAll(environment);
        try {
            return builder.start().waitFor();
        } catch (IOException e) {
            throw new LabException("start " + command.getFirst() + ": " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return 130;
        }
    }

    /** Starts a process that outlives the terminal's Ctrl-C (a session of its own), with its output in a log file. */
    static Process daemon(List<String> command, Map<String, String> environment, Path log) {
        List<String> all = new ArrayList<>(List.of("setsid"));
        all.addAll(command);
        return start(all, environment, ProcessBuilder.Redirect.appendTo(log.toFile()));
    }

    private static Process start(
            List<String> command, Map<String, String> environment, ProcessBuilder.Redirect output) {
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output);
        if (!output.equals(ProcessBuilder.Redirect.PIPE)) {
            builder.redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
        }
        builder.environment().putAll(environment);
        try {
            return builder.start();
        } catch (IOException e) {
            throw new LabException("start " + command.getFirst() + ": " + e.getMessage(), e);
        }
    }

    private static byte[] readAll(InputStream stream) {
        try (stream) {
            return stream.readAllBytes();
        } catch (IOException e) {
            // The pipe is closed under the reader when the process is killed at its deadline.
            return new byte[0];
        }
    }
}
