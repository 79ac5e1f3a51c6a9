package dev.drover.lb;

import dev.drover.lb.path.Certificates;
import dev.drover.lb.path.Entrance;
import dev.drover.lb.path.Limits;
import dev.drover.lb.path.Route;
import dev.drover.lb.path.Target;
import dev.drover.lb.path.TargetCounter;
import dev.drover.lb.path.TargetSet;
import dev.drover.lb.tls.TlsStore;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A listener while it runs, and after its removal until its connections have ended; guarded by the load balancer. */
final class Listener {
    private final int lanes;
    private final Limits limits;
    private final Route route;
    private final Map<InetSocketAddress, Target> targets = new LinkedHashMap<>();
    private final List<Target> departed = new ArrayList<>();
    private ListenerConfig config;
    private @Nullable TlsStore tls;
    private @Nullable Door door;
    private @Nullable String problem;
    private boolean removed;

    /**
     * A target that takes no new work any more.
     *
     * @param removed it left the configuration; else it drains
     */
    record Gone(Target target, boolean removed) {}

    Listener(ListenerConfig config, int lanes, Limits limits) {
        this.config = config;
        this.lanes = lanes;
        this.limits = limits;
        route = new Route(lanes);
    }

    ListenerConfig config() {
        return config;
    }

    Route route() {
        return route;
    }

    @Nullable
    Door door() {
        return door;
    }

    @Nullable
    String problem() {
        return problem;
    }

    /** Takes the new configuration; returns the targets whose lanes must be told. */
    List<Gone> update(ListenerConfig next) {
        config = next;
        Map<InetSocketAddress, Target> wanted = new LinkedHashMap<>();
        List<Target> active = new ArrayList<>();
        List<Target> draining = new ArrayList<>();
        List<Gone> gone = new ArrayList<>();
        TargetSet before = route.targets();
        for (TargetConfig entry : next.targets()) {
            Target target = known(entry.address());
            wanted.put(entry.address(), target);
            target.accepting(!entry.draining());
            (entry.draining() ? draining : active).add(target);
            if (entry.draining() && before.active().contains(target)) {
                gone.add(new Gone(target, false));
            }
        }
        targets.forEach((address, target) -> {
            if (!wanted.containsKey(address)) {
                target.accepting(false);
                departed.add(target);
                gone.add(new Gone(target, true));
            }
        });
        targets.clear();
        targets.putAll(wanted);
        departed.removeAll(wanted.values());
        TargetSet after = new TargetSet(active, draining);
        if (!after.equals(before)) {
            route.publish(after);
        }
        return gone;
    }

    /** A target that comes back while work is left at it goes on counting where it was. */
    private Target known(InetSocketAddress address) {
        Target target = targets.get(address);
        if (target != null) {
            return target;
        }
        for (Target left : departed) {
            if (left.address().equals(address)) {
                return left;
            }
        }
        return new Target(address, lanes, limits);
    }

    /** Connections of {@code through} come here from now on; {@code why} tells that it is not the wanted door. */
    void standBehind(@Nullable Door through, @Nullable String why) {
        door = through;
        problem = why;
        if (through != null) {
            lead(through);
            through.start();
        }
    }

    /** Connections find here what they need; with TLS but without certificates there is no way in. */
    private void lead(Door through) {
        Certificates certificates = tls == null ? null : tls.current();
        boolean closed = config.entry().tls() != null && certificates == null;
        through.entrance()
                .lead(closed ? null : new Entrance.Room(route, config.protocol() == Protocol.HTTP, certificates));
    }

    @Nullable
    TlsStore tls() {
        return tls;
    }

    /** Takes over what was read for {@link #config}; null without TLS. */
    void tls(@Nullable TlsStore store) {
        tls = store;
    }

    /** New certificates for new connections. */
    void certificatesChanged() {
        if (door != null) {
            lead(door);
        }
    }

    /** Lets no connection in any more. */
    void refuse() {
        if (door != null) {
            door.entrance().lead(null);
        }
    }

    /** Leaves the configuration; its connections may go on using its targets, but no longer keep idle ones. */
    List<Gone> retire(long endNs) {
        removed = true;
        door = null;
        problem = null;
        route.retire(endNs);
        targets.values().forEach(target -> target.accepting(false));
        return targets.values().stream().map(target -> new Gone(target, false)).toList();
    }

    /** Forgets what has ended; true when nothing is left of a removed listener. */
    boolean prune() {
        departed.removeIf(target -> target.sum(TargetCounter.ACTIVE) == 0);
        return removed && route.connections() == 0 && departed.isEmpty() && inFlight() == 0;
    }

    private long inFlight() {
        return targets.values().stream()
                .mapToLong(target -> target.sum(TargetCounter.ACTIVE))
                .sum();
    }

    long inFlight(InetSocketAddress address) {
        long sum = 0;
        for (Target target : everyTarget()) {
            if (target.address().equals(address)) {
                sum += target.sum(TargetCounter.ACTIVE);
            }
        }
        return sum;
    }

    private List<Target> everyTarget() {
        List<Target> all = new ArrayList<>(targets.values());
        all.addAll(departed);
        return all;
    }

    ListenerStatus status() {
        TargetSet now = route.targets();
        long nowNs = System.nanoTime();
        List<TargetStatus> list = new ArrayList<>();
        for (Target target : everyTarget()) {
            TargetStatus.State state = !targets.containsValue(target)
                    ? TargetStatus.State.REMOVED
                    : now.draining().contains(target) ? TargetStatus.State.DRAINING : TargetStatus.State.ACTIVE;
            list.add(new TargetStatus(
                    target.address(),
                    removed ? TargetStatus.State.REMOVED : state,
                    target.backingOff(nowNs),
                    target.sum(TargetCounter.ACTIVE),
                    target.sum(TargetCounter.TOTAL),
                    target.sum(TargetCounter.FAILED)));
        }
        return new ListenerStatus(
                config.name(),
                config.protocol(),
                config.bind(),
                door == null ? null : door.bound(),
                problem,
                removed,
                route.connections(),
                list);
    }
}
