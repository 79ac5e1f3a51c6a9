package dev.drover.controlplane.api;

import dev.drover.controlplane.api.Views.ContainerView;
import dev.drover.controlplane.api.Views.FlowEnd;
import dev.drover.controlplane.api.Views.FlowView;
import dev.drover.controlplane.link.Up;
import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.LiveState;
import dev.drover.controlplane.repository.Repository;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Who speaks with whom between the hosts of an environment, as its nodes have reported last. */
final class FlowResource {
    private static final Set<Kind<?>> KINDS =
            Set.of(Kind.HOST, Kind.STACK, Kind.SERVICE, Kind.INSTANCE, Kind.CONTAINER);

    private final Repository repository;
    private final LiveState live;
    private final Lookup lookup;

    /** Of the reports of all hosts: the sender's tells what was sent, either may have dropped something. */
    private static final class Sum {
        double packets;
        double bytes;
        double dropped;

        @Nullable
        String drop;

        void add(Up.Flow flow, double seconds) {
            packets += flow.packets() / seconds;
            bytes += flow.bytes() / seconds;
            dropped += flow.droppedPackets() / seconds;
            drop = flow.drop() == null ? drop : flow.drop();
        }
    }

    private record Pair(String source, String destination) {}

    FlowResource(Repository repository, LiveState live, Lookup lookup) {
        this.repository = repository;
        this.live = live;
        this.lookup = lookup;
    }

    List<Operation> operations() {
        return List.of(Operation.list(
                "/v1/environments/{environment}/flows",
                "List which containers speak with which of another host, estimated from samples, busiest first",
                FlowView.class,
                this::list));
    }

    private List<FlowView> list(Call call) {
        Environment environment = lookup.environment(call);
        Picture picture = Picture.of(repository, live, environment.id(), KINDS);
        Map<Pair, Sum> sums = new LinkedHashMap<>();
        for (Host host : repository.list(Kind.HOST, environment.id())) {
            live.flows(host.id())
                    .ifPresent(report -> report.flows()
                            .forEach(flow -> sums.computeIfAbsent(
                                            new Pair(flow.source(), flow.destination()), _ -> new Sum())
                                    .add(flow, report.periodMs() / 1e3)));
        }
        Map<String, ContainerView> byAddress = new HashMap<>();
        for (ContainerView container : picture.containers()) {
            if (container.address() != null) {
                byAddress.put(container.address(), container);
            }
        }
        return sums.entrySet().stream()
                .map(entry -> view(entry.getKey(), entry.getValue(), byAddress))
                .sorted(Comparator.comparingDouble(FlowView::bytesPerSecond).reversed())
                .toList();
    }

    private static FlowView view(Pair pair, Sum sum, Map<String, ContainerView> byAddress) {
        return new FlowView(
                end(pair.source(), byAddress),
                end(pair.destination(), byAddress),
                rounded(sum.packets),
                rounded(sum.bytes),
                rounded(sum.dropped),
                sum.drop);
    }

    private static FlowEnd end(String address, Map<String, ContainerView> byAddress) {
        ContainerView container = byAddress.get(address);
        return container == null
                ? new FlowEnd(address, null, null, null, null)
                : new FlowEnd(address, container.name(), container.service(), container.stack(), container.host());
    }

    private static double rounded(double rate) {
        return Math.round(rate * 10) / 10.0;
    }
}
