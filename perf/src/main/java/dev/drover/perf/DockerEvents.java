package dev.drover.perf;

import dev.drover.lab.Lab;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** What the engines of a lab say of their containers, with the engines' own time stamps. Safe for any thread. */
final class DockerEvents implements AutoCloseable {
    private static final String FORMAT = "{{.TimeNano}} {{.Action}} {{.Actor.Attributes.name}}";

    private final List<Process> streams = new ArrayList<>();
    private final List<Event> events = new ArrayList<>();

    /**
     * @param timeNs of the wall clock
     * @param action {@code start}, {@code die} and so on
     */
    record Event(String host, long timeNs, String action, String container) {}

    /** Listens to all hosts; what happens after the return is not missed. */
    DockerEvents(Lab lab) throws IOException {
        for (String host : lab.spec().hosts()) {
            Process stream = new ProcessBuilder(lab.dockerCommand(
                            host, List.of("events", "--filter", "type=container", "--format", FORMAT)))
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            streams.add(stream);
            Thread.ofPlatform().daemon().name("events " + host).start(() -> read(host, stream));
        }
    }

    private void read(String host, Process stream) {
        try (BufferedReader lines = stream.inputReader(StandardCharsets.UTF_8)) {
            lines.lines().forEach(line -> {
                String[] words = line.split(" ", 3);
                Event event = new Event(host, Long.parseLong(words[0]), words[1], words[2]);
                synchronized (events) {
                    events.add(event);
                    events.notifyAll();
                }
            });
        } catch (IOException e) {
            synchronized (events) {
                events.notifyAll(); // whoever waits finds nothing and says so
            }
        }
    }

    /** A place in the stream, for {@link #await}. */
    int mark() {
        synchronized (events) {
            return events.size();
        }
    }

    /**
     * The first event that matches, of those that came after a mark.
     *
     * @throws IllegalStateException when none comes within {@code limit}
     */
    Event await(int mark, Predicate<Event> wanted, Duration limit) throws InterruptedException {
        long endNs = System.nanoTime() + limit.toNanos();
        synchronized (events) {
            while (true) {
                for (Event event : events.subList(mark, events.size())) {
                    if (wanted.test(event)) {
                        return event;
                    }
                }
                long leftMs = (endNs - System.nanoTime()) / 1_000_000;
                if (leftMs <= 0) {
                    throw new IllegalStateException("docker events: not seen within " + limit.toSeconds()
                            + " s (expected: the event of a container that was started or ended)");
                }
                events.wait(leftMs);
            }
        }
    }

    @Override
    public void close() {
        streams.forEach(Process::destroy);
    }
}
