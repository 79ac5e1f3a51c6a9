package dev.drover.node.workload;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.node.docker.Engine;
import dev.drover.node.docker.EngineException;
import dev.drover.node.docker.Labels;
import dev.drover.node.docker.Seen;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the engine run the service containers of the desired state, and no others of ours. Each instance is worked on by
 * one thread at a time and in order, different instances in parallel. Every pass begins with the engine's own answer, so
 * that it may be repeated at any moment.
 */
public final class Workloads implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Workloads.class);
    private static final int AT_A_TIME = 4;
    private static final int STOP_TIMEOUT_SECONDS = 10;
    private static final long FIRST_BACK_OFF_MS = 1_000;
    private static final long LONGEST_BACK_OFF_MS = 60_000;
    /** A container that ran this long has not failed to start. */
    private static final long STEADY_MS = 60_000;

    private final Supplier<Engine> engine;
    private final Runnable onProblemsChanged;
    private final Semaphore slots = new Semaphore(AT_A_TIME, true);
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("workload-timer").factory());
    private final Map<String, Turn> turns = new HashMap<>();
    private final Map<String, String> problems = new ConcurrentHashMap<>();
    private final Map<String, BackOff> backOffs = new ConcurrentHashMap<>();
    private Map<String, DesiredItem.Workload> desired = Map.of();
    private boolean authoritative;

    private static final class Turn {
        boolean again;
    }

    /**
     * @param notBeforeMs epoch milliseconds of the next start
     */
    private record BackOff(long delayMs, long notBeforeMs) {}

    /**
     * @param engine throws {@link EngineException} while there is none
     * @param onProblemsChanged called on any thread
     */
    public Workloads(Supplier<Engine> engine, Runnable onProblemsChanged) {
        this.engine = engine;
        this.onProblemsChanged = onProblemsChanged;
    }

    /** Replaces what should run, by instance id, and looks at every instance that is new or gone. */
    public void desire(Map<String, DesiredItem.Workload> next) {
        Set<String> changed = new HashSet<>();
        synchronized (turns) {
            next.forEach((id, workload) -> {
                if (!workload.equals(desired.get(id))) {
                    changed.add(id);
                }
            });
            for (String id : desired.keySet()) {
                if (!next.containsKey(id)) {
                    changed.add(id);
                }
            }
            desired = Map.copyOf(next);
            authoritative = true;
        }
        changed.forEach(this::look);
    }

    /** What should run under this instance id, null when nothing should. */
    public DesiredItem.@Nullable Workload desired(String instanceId) {
        synchronized (turns) {
            return desired.get(instanceId);
        }
    }

    /** Looks at every instance that is wanted or exists. */
    public void lookAll(Set<String> existingInstanceIds) {
        Set<String> ids = new HashSet<>(existingInstanceIds);
        synchronized (turns) {
            ids.addAll(desired.keySet());
        }
        ids.forEach(this::look);
    }

    /** Instance id to what keeps it from running. */
    public Map<String, String> problems() {
        return Map.copyOf(problems);
    }

    /** Makes one pass over the instance soon. */
    public void look(String instanceId) {
        synchronized (turns) {
            if (!authoritative) {
                return; // nothing was ever desired: no statement about containers of an earlier life
            }
            Turn turn = turns.get(instanceId);
            if (turn != null) {
                turn.again = true;
                return;
            }
            Turn mine = new Turn();
            turns.put(instanceId, mine);
            threads.execute(() -> work(instanceId, mine));
        }
    }

    private void work(String instanceId, Turn turn) {
        while (true) {
            slots.acquireUninterruptibly();
            try {
                pass(instanceId);
            } finally {
                slots.release();
            }
            synchronized (turns) {
                if (!turn.again) {
                    turns.remove(instanceId);
                    return;
                }
                turn.again = false;
            }
        }
    }

    private void pass(String instanceId) {
        DesiredItem.Workload workload = desired(instanceId);
        try {
            Engine connected = engine.get();
            List<String> ids = connected.idsOfInstance(instanceId);
            if (workload == null) {
                ids.forEach(id -> remove(connected, id));
                backOffs.remove(instanceId);
            } else {
                run(connected, workload, ids);
            }
            problem(instanceId, null);
        } catch (EngineException e) {
            problem(instanceId, e.getMessage());
            lookLater(instanceId, nextBackOff(instanceId));
        }
    }

    private void run(Engine connected, DesiredItem.Workload workload, List<String> ids) {
        String id = ids.isEmpty() ? create(connected, workload) : ids.getFirst();
        Seen container = connected.inspect(id);
        if (container == null) {
            throw new EngineException("container: " + workload.containerName() + " is gone (expected: to exist)");
        }
        switch (container.state()) {
            case "created" -> start(connected, workload, id);
            case "exited", "dead" -> restart(connected, workload, container);
            default -> forgiveLater(workload.instanceId());
        }
    }

    private static String create(Engine connected, DesiredItem.Workload workload) {
        String image = workload.spec().image();
        if ("always".equals(workload.spec().labels().get(Labels.PULL_IMAGE)) || !connected.hasImage(image)) {
            LOG.info("pulling image={}", image);
            connected.pull(image);
        }
        String id = connected.create(image, command -> ContainerRecipe.fill(command, workload));
        LOG.info("container created name={} image={}", workload.containerName(), image);
        return id;
    }

    private static void start(Engine connected, DesiredItem.Workload workload, String id) {
        connected.start(id);
        LOG.info("container started name={}", workload.containerName());
    }

    private void restart(Engine connected, DesiredItem.Workload workload, Seen container) {
        if (Labels.isTrue(container.labels(), Labels.START_ONCE)) {
            return;
        }
        String instanceId = workload.instanceId();
        long nowMs = System.currentTimeMillis();
        BackOff backOff = backOffs.get(instanceId);
        if (backOff == null || backOff.notBeforeMs() + STEADY_MS < nowMs) {
            backOff = new BackOff(FIRST_BACK_OFF_MS, nowMs + FIRST_BACK_OFF_MS);
            backOffs.put(instanceId, backOff);
        }
        if (nowMs < backOff.notBeforeMs()) {
            lookLater(instanceId, backOff.notBeforeMs() - nowMs);
            return;
        }
        long delayMs = Math.min(backOff.delayMs() * 2, LONGEST_BACK_OFF_MS);
        backOffs.put(instanceId, new BackOff(delayMs, nowMs + delayMs));
        LOG.info("container restarting name={} exitCode={}", container.name(), container.exitCode());
        connected.start(container.id());
    }

    private void forgiveLater(String instanceId) {
        BackOff backOff = backOffs.get(instanceId);
        if (backOff != null && backOff.notBeforeMs() + STEADY_MS < System.currentTimeMillis()) {
            backOffs.remove(instanceId);
        }
    }

    private static void remove(Engine connected, String id) {
        connected.stop(id, STOP_TIMEOUT_SECONDS);
        connected.remove(id);
        LOG.info("container removed id={}", id.substring(0, 12));
    }

    private long nextBackOff(String instanceId) {
        BackOff next = backOffs.merge(
                instanceId,
                new BackOff(FIRST_BACK_OFF_MS, 0),
                (held, _) -> new BackOff(Math.min(held.delayMs() * 2, LONGEST_BACK_OFF_MS), held.notBeforeMs()));
        return next.delayMs();
    }

    private void lookLater(String instanceId, long delayMs) {
        try {
            timer.schedule(() -> look(instanceId), delayMs, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            LOG.debug("look dropped: closing instance={}", instanceId);
        }
    }

    private void problem(String instanceId, @Nullable String problem) {
        String before = problem == null ? problems.remove(instanceId) : problems.put(instanceId, problem);
        if (!Objects.equals(before, problem)) {
            if (problem != null) {
                LOG.warn("workload problem instance={} {}", instanceId, problem);
            }
            onProblemsChanged.run();
        }
    }

    /** Leaves every container as it is. */
    @Override
    public void close() {
        timer.shutdownNow();
        threads.shutdownNow();
    }
}
