package dev.drover.perf;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The closed-loop load generator wrk: each connection sends its next request when the last answer is whole. It measures
 * throughput; its latencies leave out whatever the proxy's own stalls kept from being sent (coordinated omission).
 */
final class Wrk {
    /**
     * What one run told.
     *
     * @param failures connects, reads, writes and timeouts that failed, and answers other than 2xx or 3xx
     */
    record Result(long requests, double seconds, long bytes, long failures, double p50Us, double p99Us) {
        double perSecond() {
            return requests / seconds;
        }
    }

    private static final String SCRIPT = """
            done = function(summary, latency, requests)
              local e = summary.errors
              io.write(string.format("RESULT %d %d %d %d %d %d\\n", summary.requests, summary.duration, summary.bytes,
                e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
            end
            """;

    private final String namespace;
    private final Path script;
    private final int threads;

    Wrk(String namespace, Path dir, int cores) throws IOException {
        this.namespace = namespace;
        this.script = Files.writeString(dir.resolve("wrk.lua"), SCRIPT);
        this.threads = Math.max(1, cores / 2);
    }

    Result run(String url, int connections, int seconds, boolean close) {
        int workers = Math.min(threads, connections);
        List<String> command = new ArrayList<>(List.of("nsenter", "--net=/run/netns/" + namespace, "wrk"));
        command.addAll(List.of("-t" + workers, "-c" + connections, "-d" + seconds + "s", "--timeout", "10s"));
        if (close) {
            command.addAll(List.of("-H", "Connection: close"));
        }
        command.addAll(List.of("-s", script.toString(), url));
        String output = Shell.run(command);
        for (String line : output.lines().toList()) {
            if (line.startsWith("RESULT ")) {
                String[] words = line.split(" ");
                Result result = new Result(
                        Long.parseLong(words[1]),
                        Long.parseLong(words[2]) / 1e6,
                        Long.parseLong(words[3]),
                        Long.parseLong(words[4]),
                        Double.parseDouble(words[5]),
                        Double.parseDouble(words[6]));
                if (result.bytes == 0) {
                    throw new IllegalStateException("wrk " + url + ": nothing received:\n" + output);
                }
                return result;
            }
        }
        throw new IllegalStateException("wrk " + url + ": no result in its output:\n" + output);
    }
}
