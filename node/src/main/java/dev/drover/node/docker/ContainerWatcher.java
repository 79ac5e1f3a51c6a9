package dev.drover.node.docker;

import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a {@link Listener} in step with a Docker engine.
 *
 * <p>Events are hints that a container is worth a look; what is true comes from inspecting it. Only that a container has
 * begun or ended is taken from the event itself: the engine takes its time to answer an inspect then. A full list right after
 * each connect and then periodically finds what events missed. Neither a list that fails nor one that lacks a container
 * removes anything: only the engine's answer that the container does not exist does.
 */
public final class ContainerWatcher implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ContainerWatcher.class);
    private static final int LOOKS_AT_A_TIME = 8;
    private static final long FIRST_BACK_OFF_MS = 100;
    private static final long LONGEST_BACK_OFF_MS = 3_000;
    private static final Duration LIST_LIMIT = Duration.ofSeconds(60);

    /** Looks at one container never overlap; different containers are looked at in parallel. */
    public interface Listener {
        /** A container as it is now; may block. */
        void onSeen(Seen container);

        /**
         * There is a new container, which does not run yet; a look follows. Must not block; called on the thread of the
         * events.
         */
        void onCreated(Named container);

        /**
         * The processes of a container have begun; a look follows, or is under way. Must not block; called on the thread
         * of the events.
         */
        void onStarted(Named container);

        /**
         * The processes of a container have ended; a look follows, and one from before may still be under way. Must not
         * block; called on the thread of the events.
         *
         * @param timeNanos epoch nanoseconds by the engine's clock
         */
        void onEnded(String id, long timeNanos, @Nullable Integer exitCode);

        /** The engine says there is no such container; may block. */
        void onGone(String id);

        /** The engine's version, null when it cannot be reached. */
        void onEngine(@Nullable String version);

        /** Every container of a list that succeeded has been looked at; called on any thread. */
        void onListed();

        /** Whether what the list shows differs from what is known, or the container is worth a look for another reason. */
        boolean isNews(Listed container);

        /** Ids this listener holds as existing. */
        Set<String> known();
    }

    private final String socket;
    private final Duration syncInterval;
    private final Listener listener;
    private final LookQueue looks = new LookQueue(this::look, LOOKS_AT_A_TIME);
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("docker-timer").factory());
    private final Thread thread;
    private final AtomicLong seenUntilNanos = new AtomicLong();
    private volatile @Nullable Engine engine;
    private volatile boolean closed;

    /**
     * @param socket {@code unix:///path}
     * @param syncInterval time between full lists
     */
    public ContainerWatcher(String socket, Duration syncInterval, Listener listener) {
        this.socket = socket;
        this.syncInterval = syncInterval;
        this.listener = listener;
        thread = Thread.ofPlatform().daemon().name("docker-watch").unstarted(this::run);
    }

    public void start() {
        thread.start();
    }

    /** @throws EngineException while no engine can be reached */
    public Engine engine() {
        Engine current = engine;
        if (current == null) {
            throw new EngineException(socket + ": not reachable (expected: a Docker engine listening there)");
        }
        return current;
    }

    /** Looks at a container soon. */
    public void look(String id, Duration delay) {
        try {
            timer.schedule(() -> looks.request(id), delay.toMillis(), TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            LOG.debug("look dropped: closing id={}", id);
        }
    }

    private void look(String id) {
        Seen container = engine().inspect(id);
        if (container == null) {
            listener.onGone(id);
        } else {
            listener.onSeen(container);
        }
    }

    private void run() {
        long backOffMs = FIRST_BACK_OFF_MS;
        boolean reported = false;
        seenUntilNanos.set(TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis()));
        while (!closed) {
            try (Engine connected = Engine.connect(socket)) {
                engine = connected;
                reported = false;
                backOffMs = FIRST_BACK_OFF_MS;
                LOG.info("docker engine connected socket={} version={}", socket, connected.version());
                listener.onEngine(connected.version());
                follow(connected);
            } catch (EngineException e) {
                if (!reported && !closed) {
                    LOG.warn("docker engine lost: {}", e.getMessage());
                    reported = true;
                }
            } catch (InterruptedException e) {
                return; // only close() interrupts
            }
            engine = null;
            listener.onEngine(null);
            try {
                Thread.sleep(backOffMs / 2 + ThreadLocalRandom.current().nextLong(backOffMs / 2 + 1));
            } catch (InterruptedException e) {
                return; // only close() interrupts
            }
            backOffMs = Math.min(backOffMs * 2, LONGEST_BACK_OFF_MS);
        }
    }

    private void follow(Engine connected) throws InterruptedException {
        CountDownLatch ended = new CountDownLatch(1);
        try (Closeable _ = connected.events(seenUntilNanos.get(), this::onEvent, ended::countDown)) {
            list(connected, true);
            while (!ended.await(syncInterval.toMillis(), TimeUnit.MILLISECONDS)) {
                list(connected, false);
            }
        } catch (IOException e) {
            throw new EngineException("events: " + socket + ": " + e.getMessage(), e);
        }
        throw new EngineException("events: " + socket + ": the stream ended (expected: to stay open)");
    }

    private void onEvent(EngineEvent event) {
        seenUntilNanos.accumulateAndGet(event.timeNanos(), Math::max);
        Named container = event.container();
        switch (event.action()) {
            case "create" -> listener.onCreated(container);
            case "start" -> listener.onStarted(container);
            case "die" -> listener.onEnded(container.id(), event.timeNanos(), event.exitCode());
            default -> {}
        }
        looks.request(container.id());
    }

    private void list(Engine connected, boolean everything) {
        Set<String> unseen = new HashSet<>(listener.known());
        List<CompletableFuture<Void>> pending = new ArrayList<>();
        for (Listed container : connected.list()) {
            boolean known = unseen.remove(container.id());
            if (everything || !known || listener.isNews(container)) {
                pending.add(looks.request(container.id()));
            }
        }
        unseen.forEach(id -> pending.add(looks.request(id)));
        CompletableFuture.allOf(pending.toArray(CompletableFuture[]::new))
                .orTimeout(LIST_LIMIT.toMillis(), TimeUnit.MILLISECONDS)
                .whenComplete((_, failure) -> {
                    if (failure == null) {
                        listener.onListed();
                    } else {
                        LOG.debug("list incomplete: {}", failure.toString());
                    }
                });
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        timer.shutdownNow();
        looks.close();
    }
}
