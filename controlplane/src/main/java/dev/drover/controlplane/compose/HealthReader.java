package dev.drover.controlplane.compose;

import dev.drover.controlplane.model.Service.HealthCheck;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads {@code health_check} of a service, by which load balancers ask its containers. */
final class HealthReader {
    /** What becomes of an unhealthy container beside that it gets no requests. */
    private static final Set<String> UNAVAILABLE =
            Set.of("initializing_timeout", "recreate_on_quorum_strategy_config", "reinitializing_timeout");

    private static final Pattern REQUEST =
            Pattern.compile("\"?GET\\s+(/[\\x21-\\x7e&&[^\"]]*)(\\s+\"?HTTP/1\\.[01].*)?\"?");
    private static final long MAX_MS = 300_000;

    private HealthReader() {}

    static @Nullable HealthCheck read(Section rancher) {
        Section check = rancher.section("health_check");
        if (check == null) {
            return null;
        }
        int port = check.integer("port", 0, 1, 65_535);
        if (!check.has("port")) {
            check.fault("", "has no port");
        }
        String request = check.string("request_line");
        String path = null;
        if (request != null && !request.isBlank()) {
            Matcher matcher = REQUEST.matcher(request.strip());
            if (matcher.matches()) {
                path = matcher.group(1);
            } else {
                check.fault("request_line", request + " (expected: GET /PATH HTTP/1.0, or none for a mere connect)");
            }
        }
        String strategy = check.string("strategy");
        if (strategy != null && !strategy.equals("none")) {
            check.fault(
                    "strategy",
                    strategy
                            + ": not available in this version (expected: none, unhealthy containers get no requests)");
        }
        HealthCheck read = new HealthCheck(
                port,
                path,
                check.integer("interval", 2_000L, 10, MAX_MS),
                check.integer("response_timeout", 2_000L, 10, MAX_MS),
                check.integer("healthy_threshold", 2, 1, 100),
                check.integer("unhealthy_threshold", 3, 1, 100));
        check.finish(UNAVAILABLE);
        return read;
    }
}
