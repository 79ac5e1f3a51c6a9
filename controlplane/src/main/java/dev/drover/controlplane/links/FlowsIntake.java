package dev.drover.controlplane.links;

import dev.drover.controlplane.desired.Blocks;
import dev.drover.controlplane.link.Up;
import dev.drover.controlplane.model.Host;
import io.netty.util.NetUtil;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Checks what one host reports of flows. It can tell what its own containers sent, and what did not reach them. */
final class FlowsIntake {
    private static final int MAX_REASON_LENGTH = 64;

    private FlowsIntake() {}

    /**
     * What may be believed of {@code flows}.
     *
     * @throws IllegalArgumentException when a field is missing or is not what it must be
     */
    static Up.Flows checked(Up.Flows flows, Host host) {
        atLeast(1, flows.periodMs(), "flows.periodMs");
        List<Up.Flow> list = flows.flows() == null ? List.of() : flows.flows();
        if (list.size() > Up.Flows.MOST) {
            throw new IllegalArgumentException(
                    "flows.flows: " + list.size() + " entries (expected: at most " + Up.Flows.MOST + ")");
        }
        List<Up.Flow> believed = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) {
            Up.Flow flow = list.get(i);
            check(flow, "flows.flows[" + i + "]");
            boolean sent = Blocks.contains(host.block(), flow.source());
            if (sent) {
                believed.add(flow);
            } else if (flow.droppedPackets() > 0 && Blocks.contains(host.block(), flow.destination())) {
                believed.add(new Up.Flow(flow.source(), flow.destination(), 0, 0, flow.droppedPackets(), flow.drop()));
            }
        }
        return new Up.Flows(flows.periodMs(), List.copyOf(believed));
    }

    private static void check(Up.@Nullable Flow flow, String at) {
        if (flow == null) {
            throw new IllegalArgumentException(at + ": missing");
        }
        address(flow.source(), at + ".source");
        address(flow.destination(), at + ".destination");
        atLeast(0, flow.packets(), at + ".packets");
        atLeast(0, flow.bytes(), at + ".bytes");
        atLeast(0, flow.droppedPackets(), at + ".droppedPackets");
        if (Objects.requireNonNullElse(flow.drop(), "").length() > MAX_REASON_LENGTH) {
            throw new IllegalArgumentException(
                    at + ".drop: longer than expected (expected: at most " + MAX_REASON_LENGTH + " characters)");
        }
    }

    private static void address(@Nullable String text, String at) {
        if (text == null || !NetUtil.isValidIpV4Address(text) && !NetUtil.isValidIpV6Address(text)) {
            throw new IllegalArgumentException(at + ": no IP address (expected: IPv4 or IPv6)");
        }
    }

    private static void atLeast(long least, long value, String at) {
        if (value < least) {
            throw new IllegalArgumentException(at + ": " + value + " (expected: at least " + least + ")");
        }
    }
}
