package dev.drover.perf;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A server in a namespace, with the processes it started itself; ends with this object. */
final class Daemon implements AutoCloseable {
    private static final long READY_S = 20;
    private static final long END_S = 5;

    private final String name;
    private final String namespace;
    private final Path log;
    private final Process process;

    private Daemon(String name, String namespace, Path log, Process process) {
        this.name = name;
        this.namespace = namespace;
        this.log = log;
        this.process = process;
    }

    /** Starts {@code command}, which must stay in the foreground, and waits until it listens on every port. */
    static Daemon start(String name, String namespace, Path log, List<Integer> ports, List<String> command)
            throws IOException {
        List<String> all = new ArrayList<>(List.of("nsenter", "--net=/run/netns/" + namespace));
        all.addAll(command);
        Process process = new ProcessBuilder(all)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        Daemon daemon = new Daemon(name, namespace, log, process);
        boolean ready = false;
        try {
            daemon.awaitListening(ports);
            ready = true;
            return daemon;
        } finally {
            if (!ready) {
                daemon.close();
            }
        }
    }

    private void awaitListening(List<Integer> ports) throws IOException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(READY_S);
        while (true) {
            String listening = Shell.run("ip netns exec " + namespace + " ss -Hltn");
            if (ports.stream().allMatch(port -> listening.contains(":" + port + " "))) {
                return;
            }
            if (System.nanoTime() > deadline || !process.isAlive()) {
                throw new IllegalStateException(
                        name + ": not ready within " + READY_S + " s; its log says:\n" + Files.readString(log));
            }
            OverlayTopology.pause();
        }
    }

    /** CPU seconds of all its processes since they started, user and kernel. */
    double cpuSeconds() {
        return Cpu.processSeconds(process.toHandle());
    }

    /** Resident memory in MB; what its processes share counts once. */
    double residentMegabytes() {
        return processes().mapToLong(Daemon::proportionalKilobytes).sum() * 1024 / 1e6;
    }

    private Stream<Long> processes() {
        return Stream.concat(Stream.of(process.toHandle()), process.descendants())
                .map(ProcessHandle::pid);
    }

    private static long proportionalKilobytes(long pid) {
        try (Stream<String> lines = Files.lines(Path.of("/proc/" + pid + "/smaps_rollup"))) {
            return lines.filter(line -> line.startsWith("Pss:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .sum();
        } catch (NoSuchFileException e) {
            return 0; // has ended
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        List<ProcessHandle> children = process.descendants().toList();
        process.destroy();
        try {
            if (!process.waitFor(END_S, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
        children.forEach(ProcessHandle::destroyForcibly);
    }
}
