package dev.drover.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.controlplane.link.Up;
import dev.drover.overlay.Flow;
import dev.drover.overlay.Flow.Direction;
import dev.drover.overlay.path.Drop;
import java.net.InetAddress;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class FlowReportTest {
    private static final long SECOND_NS = 1_000_000_000L;

    private final FlowReport report = new FlowReport(0);

    private static Flow flow(int source, Direction direction, long packets, long dropped, long samples) {
        return new Flow(
                InetAddress.ofLiteral("10.42.0." + source),
                InetAddress.ofLiteral("10.42.1.1"),
                direction,
                null,
                packets,
                packets * 100,
                dropped,
                dropped == 0 ? null : Drop.OVERSIZE,
                samples,
                0,
                0);
    }

    private static Up.Flow told(int source, long packets, long dropped) {
        return new Up.Flow(
                "10.42.0." + source, "10.42.1.1", packets, packets * 100, dropped, dropped == 0 ? null : "oversize");
    }

    @Test
    void tellsWhatCameSinceTheLastLook() {
        assertThat(report.next(List.of(flow(1, Direction.OUT, 10, 0, 1)), 15 * SECOND_NS))
                .isEqualTo(new Up.Flows(15_000, List.of(told(1, 10, 0))));
        assertThat(report.next(
                        List.of(flow(1, Direction.OUT, 30, 2, 3), flow(2, Direction.OUT, 50, 0, 1)), 25 * SECOND_NS))
                .isEqualTo(new Up.Flows(10_000, List.of(told(2, 50, 0), told(1, 20, 2))));
    }

    @Test
    void silenceIsToldOnce() {
        List<Flow> table = List.of(flow(1, Direction.OUT, 10, 0, 1));
        assertThat(report.next(List.of(), SECOND_NS)).isNull();
        assertThat(report.next(table, 2 * SECOND_NS)).isNotNull();
        assertThat(report.next(table, 3 * SECOND_NS)).isEqualTo(new Up.Flows(1_000, List.of()));
        assertThat(report.next(table, 4 * SECOND_NS)).isNull();
    }

    @Test
    void whatCameInIsToldByItsSenderUnlessItWasDroppedHere() {
        assertThat(report.next(List.of(flow(1, Direction.IN, 10, 0, 1), flow(2, Direction.IN, 10, 3, 2)), SECOND_NS))
                .isEqualTo(new Up.Flows(1_000, List.of(told(2, 0, 3))));
    }

    @Test
    void aFlowThatBeganAnewCountsFromThere() {
        report.next(List.of(flow(1, Direction.OUT, 100, 0, 9)), SECOND_NS);
        assertThat(report.next(List.of(flow(1, Direction.OUT, 20, 0, 2)), 2 * SECOND_NS))
                .isEqualTo(new Up.Flows(1_000, List.of(told(1, 20, 0))));
    }

    @Test
    void onlyTheLargestAreTold() {
        List<Flow> table = IntStream.rangeClosed(1, 250)
                .mapToObj(i -> flow(i, Direction.OUT, i, 0, 1))
                .toList();
        Up.Flows told = report.next(table, SECOND_NS);
        assertThat(told).isNotNull();
        assertThat(told.flows())
                .hasSize(Up.Flows.MOST)
                .contains(told(250, 250, 0))
                .doesNotContain(told(50, 50, 0));
    }
}
