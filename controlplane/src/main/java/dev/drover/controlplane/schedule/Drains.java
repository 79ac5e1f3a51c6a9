package dev.drover.controlplane.schedule;

import dev.drover.controlplane.desired.Balanced;
import dev.drover.controlplane.desired.PublishedPorts;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.repository.Versioned;
import java.util.Set;

/** Says when a draining instance may be removed. */
final class Drains {
    private final View view;
    /** Ids of the services that load balancers send to. */
    private final Set<String> balanced;

    Drains(View view) {
        this.view = view;
        balanced = Balanced.ids(view.state().services());
    }

    /**
     * True when nothing runs, the time is over, or every node has stopped using the instance and those that balance to it
     * have said that no request is left; nodes that are long gone are not asked.
     */
    boolean done(Service service, Versioned<Instance> draining) {
        Instance instance = draining.value();
        if (!view.runs(instance) || view.ageMs(instance) >= service.drainTimeoutMs()) {
            return true;
        }
        if (!view.lingered(instance) || !view.acknowledged(draining.revision())) {
            return false;
        }
        boolean everywhere = balanced.contains(service.id());
        boolean published = !PublishedPorts.of(instance.spec()).isEmpty();
        for (Host host : view.hosts()) {
            boolean listens = everywhere || (published && host.id().equals(instance.hostId()));
            NodeStatus node = view.node(host.id());
            boolean asked = node.connected() || view.mayReturn(node);
            if (listens && asked && !node.drained().contains(instance.id())) {
                return false;
            }
        }
        return true;
    }
}
