package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A connection for one request is nothing exceptional. */
class ShortConnectionTest extends Harness {
    private static final int CONNECTIONS = 20;
    /** Keeps a stack trace of each use of a buffer, in tests. */
    private static final String LEAK_DETECTOR = "io.netty.util.ResourceLeakDetector";

    @TempDir
    Path directory;

    /** That costs a tenth of the request: the stack is that of an event loop, some forty frames. */
    @Test
    void the_end_of_a_connection_walks_no_stack() throws IOException {
        serve(http("web", closing(Origin.named("a"))));
        connections();
        try (Recording recording = new Recording()) {
            recording.enable("jdk.JavaExceptionThrow").withStackTrace();
            recording.start();
            connections();
            recording.stop();
            Path file = directory.resolve("exceptions.jfr");
            recording.dump(file);
            assertThat(Files.size(file)).isPositive();
            List<String> onLanes = RecordingFile.readAllEvents(file).stream()
                    .filter(thrown -> thrown.getThread() != null
                            && thrown.getThread().getJavaName().startsWith("lane")
                            && walksTheStack(thrown.getClass("thrownClass").getName()))
                    .map(RecordedEvent::toString)
                    .toList();
            assertThat(onLanes).isEmpty();
        }
    }

    private static boolean walksTheStack(String thrown) {
        return !thrown.startsWith(LEAK_DETECTOR) && !thrown.contains("Stackless");
    }

    private void connections() throws IOException {
        for (int i = 0; i < CONNECTIONS; i++) {
            try (Wire wire = new Wire(bound("web"))) {
                wire.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
                assertThat(wire.response().status()).isEqualTo(200);
            }
        }
    }
}
