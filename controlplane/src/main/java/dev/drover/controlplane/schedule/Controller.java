package dev.drover.controlplane.schedule;

import dev.drover.controlplane.desired.Desired;
import dev.drover.controlplane.desired.EnvironmentState;
import dev.drover.controlplane.desired.Running;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Orchestrator;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Stack;
import dev.drover.controlplane.repository.Batch;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.LiveState;
import dev.drover.controlplane.repository.Repository;
import dev.drover.controlplane.repository.Subscription;
import dev.drover.controlplane.repository.Versioned;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps every environment going: on each change it publishes the desired state and takes the next steps. One thread does
 * all of it; it is woken by changes of the store and of the nodes, and now and then by itself.
 */
public final class Controller implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Controller.class);
    private static final Set<Kind<?>> KINDS = Set.of(
            Kind.ENVIRONMENT, Kind.CERTIFICATE, Kind.HOST, Kind.STACK, Kind.SERVICE, Kind.INSTANCE, Kind.CONTAINER);
    private static final long WAITING_TICK_MS = 200;
    private static final long CLOSE_TIMEOUT_MS = 5_000;

    private final Repository repository;
    private final LiveState live;
    private final Nodes nodes;
    private final ScheduleConfig config;
    private final InstantSource clock;
    private final Executor executor;
    private final Thread thread;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition woken = lock.newCondition();
    private final Set<String> storeChanged = new HashSet<>();
    private final Set<String> nodesChanged = new HashSet<>();
    private boolean closed;

    private volatile Subscription subscription = () -> {};

    /** Owned by the controller's thread. */
    private final Map<String, Room> rooms = new HashMap<>();

    /** What is remembered of an environment between passes; all of it can be lost without harm. */
    private static final class Room {
        private EnvironmentState state;
        private Map<String, Long> servingSinceMs = Map.of();
        private Set<String> told = Set.of();
        private boolean waiting;

        Room(EnvironmentState state) {
            this.state = state;
        }
    }

    private Controller(Repository repository, LiveState live, Nodes nodes, ScheduleConfig config, InstantSource clock) {
        this.repository = repository;
        this.live = live;
        this.nodes = nodes;
        this.config = config;
        this.clock = clock;
        this.executor = new Executor(repository);
        this.thread = Thread.ofPlatform().name("controller").daemon().unstarted(this::run);
    }

    /**
     * Publishes the desired state of every environment, so that a node that connects afterwards is never told less than
     * what is stored, and starts the thread.
     */
    public static Controller start(Repository repository, LiveState live, Nodes nodes) {
        return start(repository, live, nodes, ScheduleConfig.DEFAULT, InstantSource.system());
    }

    /** {@link #start(Repository, LiveState, Nodes)} with times and clock of the caller's choice. */
    public static Controller start(
            Repository repository, LiveState live, Nodes nodes, ScheduleConfig config, InstantSource clock) {
        Controller controller = new Controller(repository, live, nodes, config, clock);
        repository.list(Kind.ENVIRONMENT).forEach(each -> controller.refresh(each.id()));
        nodes.onChange(environmentId -> controller.wake(controller.nodesChanged, environmentId));
        controller.subscription = repository.subscribe(null, KINDS, controller::onBatch);
        controller.thread.start();
        return controller;
    }

    /** Ends the thread and waits for it; takes no further step. */
    @Override
    public void close() {
        subscription.close();
        lock.lock();
        try {
            closed = true;
            woken.signalAll();
        } finally {
            lock.unlock();
        }
        try {
            thread.join(CLOSE_TIMEOUT_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void onBatch(Batch batch) {
        Set<String> environments = new HashSet<>();
        batch.changes().forEach(change -> environments.add(environmentOf(change.record())));
        environments.forEach(id -> wake(storeChanged, id));
    }

    private static String environmentOf(Object record) {
        return switch (record) {
            case Environment environment -> environment.id();
            case Host host -> host.environmentId();
            case Stack stack -> stack.environmentId();
            case Service service -> service.environmentId();
            case Instance instance -> instance.environmentId();
            case Container container -> container.environmentId();
            default ->
                throw new IllegalArgumentException("record: " + record.getClass() + " (expected: " + KINDS + ")");
        };
    }

    private void wake(Set<String> changed, String environmentId) {
        lock.lock();
        try {
            changed.add(environmentId);
            woken.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void run() {
        long nextResyncMs = 0;
        while (true) {
            boolean resync = clock.millis() >= nextResyncMs;
            if (resync) {
                nextResyncMs = clock.millis() + config.resyncMs();
            }
            Set<String> changed = new HashSet<>();
            Set<String> due = awaitWork(resync, changed);
            if (due == null) {
                return;
            }
            for (String environmentId : due) {
                try {
                    pass(environmentId, changed.contains(environmentId));
                } catch (RuntimeException e) {
                    LOG.error("controller pass failed, tried again later environment={}", environmentId, e);
                    rooms.remove(environmentId);
                }
            }
        }
    }

    /**
     * @param changed gets the environments whose stored objects have changed
     * @return environments to look at, or null when closed
     */
    private @Nullable Set<String> awaitWork(boolean resync, Set<String> changed) {
        Set<String> due = new HashSet<>();
        boolean anyWaiting = rooms.values().stream().anyMatch(room -> room.waiting);
        lock.lock();
        try {
            long remainingNs =
                    resync ? 0 : TimeUnit.MILLISECONDS.toNanos(anyWaiting ? WAITING_TICK_MS : config.resyncMs());
            while (!closed && remainingNs > 0 && storeChanged.isEmpty() && nodesChanged.isEmpty()) {
                remainingNs = woken.awaitNanos(remainingNs);
            }
            if (closed) {
                return null;
            }
            changed.addAll(storeChanged);
            due.addAll(nodesChanged);
            storeChanged.clear();
            nodesChanged.clear();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        } finally {
            lock.unlock();
        }
        if (resync) {
            repository.list(Kind.ENVIRONMENT).forEach(each -> changed.add(each.id()));
            changed.addAll(rooms.keySet());
        }
        due.addAll(changed);
        rooms.forEach((id, room) -> {
            if (room.waiting) {
                due.add(id);
            }
        });
        return due;
    }

    private void pass(String environmentId, boolean storeHasChanged) {
        Room room = rooms.get(environmentId);
        if (room == null || storeHasChanged) {
            room = refresh(environmentId);
        }
        if (room == null || room.state.environment().orchestrator() != Orchestrator.CATTLE) {
            return;
        }
        long nowMs = clock.millis();
        Map<String, NodeStatus> statuses = new HashMap<>();
        room.state.hosts().forEach(host -> statuses.put(host.id(), nodes.status(host.id())));
        room.servingSinceMs = servingSince(room, nowMs);
        Plan plan = Planner.plan(new View(room.state, statuses, room.servingSinceMs, config, nowMs));
        tell(room, plan);
        room.waiting = plan.waiting();
        if (!plan.steps().isEmpty()) {
            log(environmentId, plan.steps());
            executor.execute(environmentId, plan.steps(), nowMs);
            refresh(environmentId);
        }
    }

    /** Reads the environment and publishes what its nodes should do; null when it is gone. */
    private @Nullable Room refresh(String environmentId) {
        EnvironmentState state =
                EnvironmentState.read(repository, environmentId).orElse(null);
        if (state == null) {
            Room gone = rooms.remove(environmentId);
            if (gone != null) {
                clear(gone.told);
            }
            nodes.forget(environmentId);
            return null;
        }
        Room room = rooms.computeIfAbsent(environmentId, id -> new Room(state));
        room.state = state;
        nodes.publish(Desired.of(state));
        return room;
    }

    private static Map<String, Long> servingSince(Room room, long nowMs) {
        Map<String, Long> since = new HashMap<>();
        for (Versioned<Container> each : room.state.containers()) {
            ContainerFact fact = each.value().fact();
            String instanceId = fact.instanceId();
            if (instanceId != null && fact.address() != null && Running.runs(fact)) {
                String key = View.runKey(instanceId, fact);
                since.put(key, room.servingSinceMs.getOrDefault(key, nowMs));
            }
        }
        return since;
    }

    /** Lets the API know what stands in the way of what. */
    private void tell(Room room, Plan plan) {
        Set<String> told = new HashSet<>();
        plan.states().forEach((id, state) -> {
            live.setState(id, state.name().toLowerCase(Locale.ROOT));
            told.add(id);
        });
        plan.messages().forEach((id, message) -> {
            live.setMessage(id, message);
            told.add(id);
        });
        List<String> gone = new ArrayList<>(room.told);
        gone.removeAll(told);
        clear(gone);
        plan.states().keySet().stream()
                .filter(id -> !plan.messages().containsKey(id))
                .forEach(id -> live.setMessage(id, null));
        room.told = told;
    }

    private void clear(Iterable<String> ids) {
        for (String id : ids) {
            live.setState(id, null);
            live.setMessage(id, null);
        }
    }

    private static void log(String environmentId, List<Step> steps) {
        for (Step step : steps) {
            LOG.info("step environment={} step={}", environmentId, step);
        }
    }
}
