package dev.drover.node;

import dev.drover.lb.ListenerStatus;
import dev.drover.lb.LoadBalancer;
import dev.drover.lb.RequestStatus;
import dev.drover.lb.TargetStatus;
import dev.drover.lb.path.Journal;
import dev.drover.node.admin.AdminServer;
import dev.drover.node.admin.Query;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What the admin endpoint shows of the load balancer. */
final class LbSight {
    private static final int MOST = 1_000;
    private static final int USUAL = 20;

    private final LoadBalancer lb;

    LbSight(LoadBalancer lb) {
        this.lb = lb;
    }

    /** Path to what is dumped there. */
    Map<String, Supplier<Object>> tables() {
        return Map.of(
                "/lb",
                () -> Map.of("listeners", lb.status(), "requests", lb.outcomes()),
                "/lb/listeners",
                this::listeners,
                "/lb/targets",
                this::targets);
    }

    /** Path to what answers there. */
    Map<String, AdminServer.Question> questions() {
        return Map.of("/lb/requests", this::requests);
    }

    private List<ListenerStatus> listeners() {
        return lb.status();
    }

    private List<TargetStatus> targets() {
        return lb.targets();
    }

    /** @throws Query.BadQueryException unless {@code kind} is recent, slow or failed, and {@code limit} a number */
    private List<RequestStatus> requests(Query query) {
        query.only("kind", "limit");
        return lb.requests(kind(query.value("kind")), limit(query.value("limit")));
    }

    private static Journal.Kind kind(@Nullable String text) {
        if (text == null) {
            return Journal.Kind.RECENT;
        }
        return Arrays.stream(Journal.Kind.values())
                .filter(kind -> kind.name().toLowerCase(Locale.ROOT).equals(text))
                .findFirst()
                .orElseThrow(
                        () -> new Query.BadQueryException("kind: " + text + " (expected: recent, slow or failed)"));
    }

    private static int limit(@Nullable String text) {
        if (text == null) {
            return USUAL;
        }
        if (text.matches("\\d{1,4}")) {
            int limit = Integer.parseInt(text);
            if (limit >= 1 && limit <= MOST) {
                return limit;
            }
        }
        throw new Query.BadQueryException("limit: " + text + " (expected: 1 to " + MOST + ")");
    }
}
