package dev.drover.controlplane.schedule;

import dev.drover.controlplane.desired.EnvironmentState;
import dev.drover.controlplane.desired.Running;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.repository.Versioned;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Stored objects and the nodes' status put together, at one moment: which instances serve. Pure; one thread. */
final class View {
    private final EnvironmentState state;
    private final Map<String, NodeStatus> nodes;
    private final Map<String, Long> servingSinceMs;
    private final ScheduleConfig config;
    private final long nowMs;
    private final Running running;
    private final Map<String, Host> hosts = new HashMap<>();

    /**
     * @param nodes by host id, one for each host
     * @param servingSinceMs by {@link #runKey}: since when the controller has seen that start of that container serve
     */
    View(
            EnvironmentState state,
            Map<String, NodeStatus> nodes,
            Map<String, Long> servingSinceMs,
            ScheduleConfig config,
            long nowMs) {
        this.state = state;
        this.nodes = nodes;
        this.servingSinceMs = servingSinceMs;
        this.config = config;
        this.nowMs = nowMs;
        this.running = new Running(state.instances(), state.containers());
        state.hosts().forEach(host -> hosts.put(host.id(), host));
    }

    EnvironmentState state() {
        return state;
    }

    @Nullable
    Host host(String hostId) {
        return hosts.get(hostId);
    }

    Collection<Host> hosts() {
        return state.hosts();
    }

    NodeStatus node(String hostId) {
        return nodes.getOrDefault(hostId, NodeStatus.absent(0));
    }

    boolean connected(Host host) {
        return node(host.id()).connected();
    }

    long ageMs(Instance instance) {
        return nowMs - instance.phaseSinceMs();
    }

    /** True while the container runs, as far as its host has said. */
    boolean runs(Instance instance) {
        Versioned<Container> container = running.containerOf(instance.id());
        return container != null && Running.runs(container.value().fact());
    }

    /** Runs, has an address, and its host was there a moment ago. */
    boolean serves(Instance instance) {
        NodeStatus node = node(instance.hostId());
        return running.addressOf(instance.id()) != null
                && hosts.containsKey(instance.hostId())
                && (node.connected() || nowMs - node.sinceMs() < config.disconnectGraceMs());
    }

    /** Serves, and every connected node has been told so. */
    boolean announced(Versioned<Instance> instance) {
        Versioned<Container> container = running.containerOf(instance.value().id());
        return container != null
                && serves(instance.value())
                && acknowledged(Math.max(instance.revision(), container.revision()));
    }

    /** Announced, and has served long enough to be trusted. */
    boolean ready(Versioned<Instance> instance) {
        Versioned<Container> container = running.containerOf(instance.value().id());
        if (container == null || !announced(instance)) {
            return false;
        }
        Long since = servingSinceMs.get(
                runKey(instance.value().id(), container.value().fact()));
        return since != null && nowMs - since >= config.settleMs();
    }

    /** True when every node has applied the desired state of {@code revision} or is not to be waited for. */
    boolean acknowledged(long revision) {
        return state.hosts().stream().map(host -> node(host.id())).allMatch(node -> {
            if (!node.connected()) {
                return !mayReturn(node);
            }
            boolean tooSlow = node.behindSinceMs() != Long.MAX_VALUE
                    && nowMs - node.behindSinceMs() >= config.acknowledgeTimeoutMs();
            return node.appliedRevision() >= revision || tooSlow;
        });
    }

    /** True for a node that is not connected but was a moment ago: it goes on with what it was told last. */
    boolean mayReturn(NodeStatus node) {
        return !node.connected() && nowMs - node.sinceMs() < config.reconnectMs();
    }

    boolean lingered(Instance instance) {
        return ageMs(instance) >= config.lingerMs();
    }

    /** What is wrong with the instance; null when nothing is known to be. */
    @Nullable
    String problem(Instance instance) {
        String problem = node(instance.hostId()).problems().get("workload/" + instance.id());
        if (problem != null) {
            return problem;
        }
        Versioned<Container> container = running.containerOf(instance.id());
        if (container == null) {
            return null;
        }
        ContainerFact fact = container.value().fact();
        if (fact.problem() != null) {
            return fact.problem();
        }
        if (fact.state().equals("exited") || fact.state().equals("dead")) {
            return "container " + fact.state() + (fact.exitCode() == null ? "" : " with code " + fact.exitCode());
        }
        return null;
    }

    /** One start of one container of an instance. */
    static String runKey(String instanceId, ContainerFact fact) {
        return instanceId + "/" + fact.dockerId() + "/" + fact.startedAt();
    }
}
