package dev.drover.node.link;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.controlplane.link.Up;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
final class OutboxTest {
    private final Outbox outbox = new Outbox(() -> List.of(fact("a", "running"), fact("b", "exited")));

    private static Up.ContainerFact fact(String id, String state) {
        return new Up.ContainerFact(
                id, id, "busybox", state, "2026-01-01T00:00:00Z", null, null, null, null, null, Map.of(), null);
    }

    @Test
    void changesOfOneContainerAreOneEntryTheNewest() throws Exception {
        outbox.put(fact("a", "created"));
        outbox.put(fact("a", "running"));
        outbox.put(fact("b", "running"));
        outbox.remove("b");
        assertThat(outbox.next(0)).isEqualTo(new Up.Facts(false, List.of(fact("a", "running")), List.of("b")));
        assertThat(outbox.next(0)).isNull();
    }

    @Test
    void aFullListReplacesWaitingChanges() throws Exception {
        outbox.put(fact("a", "created"));
        outbox.full();
        assertThat(outbox.next(0))
                .isEqualTo(new Up.Facts(true, List.of(fact("a", "running"), fact("b", "exited")), List.of()));
        assertThat(outbox.next(0)).isNull();
    }

    @Test
    void onlyTheNewestRevisionIsTold() throws Exception {
        outbox.applied(new Up.Applied(1, Map.of()));
        outbox.applied(new Up.Applied(2, Map.of("x", "y")));
        outbox.drained("i1");
        outbox.drained("i1");
        assertThat(outbox.next(0)).isEqualTo(new Up.Applied(2, Map.of("x", "y")));
        assertThat(outbox.next(0)).isEqualTo(new Up.Drained(List.of("i1")));
        assertThat(outbox.next(0)).isNull();
    }

    @Test
    void onlyTheNewestReportOfFlowsIsToldAfterAllElse() throws Exception {
        outbox.flows(new Up.Flows(1, List.of()));
        outbox.flows(new Up.Flows(2, List.of()));
        outbox.drained("i1");
        assertThat(outbox.next(0)).isEqualTo(new Up.Drained(List.of("i1")));
        assertThat(outbox.next(0)).isEqualTo(new Up.Flows(2, List.of()));
        assertThat(outbox.next(0)).isNull();
    }

    @Test
    void wakingEndsAWait() throws Exception {
        outbox.wake();
        assertThat(outbox.next(60_000)).isNull();
    }
}
