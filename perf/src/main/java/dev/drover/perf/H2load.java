package dev.drover.perf;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The load generator of nghttp2: HTTP/2, and connections with a full TLS handshake each, for it keeps no sessions. */
final class H2load {
    private static final Pattern REQUESTS =
            Pattern.compile("requests: \\d+ total, \\d+ started, \\d+ done, (\\d+) succeeded, (\\d+) failed");
    private static final Pattern FINISHED = Pattern.compile("finished in ([0-9.]+)(us|ms|s),");

    /** What one run told. */
    record Result(long requests, double seconds, long failures) {
        double perSecond() {
            return requests / seconds;
        }
    }

    private final String namespace;
    private final int threads;

    H2load(String namespace, int cores) {
        this.namespace = namespace;
        this.threads = Math.max(1, cores / 2);
    }

    /** Keeps that many streams of each connection busy. */
    Result streams(String url, int connections, int streams, int seconds) {
        return run(List.of("-c", "" + connections, "-m", "" + streams, "-D", "" + seconds, url), threads, seconds);
    }

    /** Opens that many connections, all at once; a handshake and one HTTP/1.1 request each. */
    Result handshakes(String url, int connections) {
        return run(List.of("--h1", "-c", "" + connections, "-n", "" + connections, "-m", "1", url), threads, 0);
    }

    /** @param seconds that were asked for; 0 for as long as it took */
    private Result run(List<String> arguments, int workers, int seconds) {
        List<String> command =
                new ArrayList<>(List.of("nsenter", "--net=/run/netns/" + namespace, "h2load", "-t", "" + workers));
        command.addAll(arguments);
        String output = Shell.run(command);
        Matcher requests = REQUESTS.matcher(output);
        Matcher finished = FINISHED.matcher(output);
        if (!requests.find() || !finished.find()) {
            throw new IllegalStateException("h2load: no result in its output:\n" + output);
        }
        double unit = switch (finished.group(2)) {
            case "us" -> 1e-6;
            case "ms" -> 1e-3;
            default -> 1;
        };
        double took = seconds > 0 ? seconds : Double.parseDouble(finished.group(1)) * unit;
        return new Result(Long.parseLong(requests.group(1)), took, Long.parseLong(requests.group(2)));
    }
}
