package dev.drover.lb;

import dev.drover.lb.tls.TlsStore;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the certificates of listeners for a new configuration, and again when files change. What cannot be used is
 * told and changes nothing. A thread of its own looks at the files; it works under the lock it is given.
 */
final class TlsStores implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TlsStores.class);
    private static final long LOOK_MS = 1_000;
    private static final long TICKET_TURN_NS = TimeUnit.HOURS.toNanos(1);

    private final Object lock;
    private final Runnable look;
    private @Nullable ScheduledExecutorService timer;
    private long turnedNs = System.nanoTime();

    /** What there is to stand behind doors with, and what is not, by name of the listener. */
    record Read(Map<String, TlsStore> stores, Map<String, String> problems) {}

    /** @param look at each listener, by {@link #refresh}; called under {@code lock} */
    TlsStores(Object lock, Runnable look) {
        this.lock = lock;
        this.look = look;
    }

    /** Reads what {@code config} needs; listeners whose TLS is as before keep their store. */
    Read read(LbConfig config, Map<String, Listener> running) {
        Map<String, TlsStore> stores = new HashMap<>();
        Map<String, String> problems = new HashMap<>();
        for (ListenerConfig entry : config.listeners()) {
            TlsConfig tls = entry.entry().tls();
            if (tls == null) {
                continue;
            }
            Listener listener = running.get(entry.name());
            TlsStore before = listener == null ? null : listener.tls();
            boolean http = entry.protocol() == Protocol.HTTP;
            TlsStore store = before != null && before.config().equals(tls) && before.http() == http
                    ? before
                    : new TlsStore(tls, http);
            stores.put(entry.name(), store);
            try {
                if (store.current() == null) {
                    store.read();
                }
            } catch (IllegalArgumentException e) {
                problems.put(entry.name(), "listener " + entry.name() + ": " + e.getMessage());
                if (before != null && before.current() != null && before.http() == http) {
                    stores.put(entry.name(), before);
                }
            }
        }
        boolean targets = config.listeners().stream()
                .flatMap(listener -> listener.routes().stream())
                .flatMap(route -> route.pools().stream())
                .anyMatch(pool -> pool.targetTls() != null);
        if ((targets || !stores.isEmpty()) && timer == null) {
            timer = Executors.newSingleThreadScheduledExecutor(
                    Thread.ofPlatform().daemon().name("lb-certificates").factory());
            timer.scheduleWithFixedDelay(this::tick, LOOK_MS, LOOK_MS, TimeUnit.MILLISECONDS);
        }
        return new Read(stores, problems);
    }

    private void tick() {
        synchronized (lock) {
            look.run();
        }
    }

    /** Reads the files of each listener again when they have changed, and turns ticket keys when it is time. */
    void refresh(Iterable<Listener> listeners) {
        List<Listener> all = new ArrayList<>();
        listeners.forEach(all::add);
        boolean turn = System.nanoTime() - turnedNs > TICKET_TURN_NS;
        if (turn) {
            turnedNs = System.nanoTime();
        }
        for (Listener listener : all) {
            TlsStore store = listener.tls();
            if (store == null) {
                continue;
            }
            if (turn) {
                store.turnTicketKeys();
            }
            if (store.stale()) {
                reread(listener, store);
            } else {
                store.staple();
            }
        }
    }

    private static void reread(Listener listener, TlsStore store) {
        String name = listener.config().name();
        try {
            int count = store.read().entries().size();
            listener.certificatesChanged();
            LOG.info("lb certificates read again listener={} certificates={}", name, count);
        } catch (IllegalArgumentException e) {
            // Also while the two files of a certificate are being replaced one after the other.
            LOG.error("lb certificates refused, those in use stay: listener {}: {}", name, e.getMessage());
        }
    }

    @Override
    public void close() {
        if (timer != null) {
            timer.shutdownNow();
        }
    }
}
