package dev.drover.lb;

import dev.drover.lb.tls.TargetTlsStore;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads what pools need for TLS with their targets, for a new configuration and again when files change. */
final class TargetTlsStores {
    private static final Logger LOG = LoggerFactory.getLogger(TargetTlsStores.class);

    private TargetTlsStores() {}

    /**
     * Stores by pool, and what is wrong by name of the listener.
     *
     * @param stores also of pools whose files cannot be used: theirs let no connection come about
     */
    record Read(Map<String, TargetTlsStore> stores, Map<String, String> problems) {}

    /** Reads what {@code config} needs; pools whose TLS is as before keep their store. */
    static Read read(LbConfig config, Map<String, PoolState> running) {
        Map<String, TargetTlsStore> stores = new HashMap<>();
        Map<String, String> wrong = new HashMap<>();
        Map<String, String> problems = new HashMap<>();
        for (ListenerConfig listener : config.listeners()) {
            for (PoolConfig pool : listener.pools()) {
                TargetTlsConfig tls = pool.targetTls();
                if (tls != null && !stores.containsKey(pool.name())) {
                    stores.put(pool.name(), store(pool, tls, running.get(pool.name()), wrong));
                }
                String problem = wrong.get(pool.name());
                if (problem != null) {
                    problems.put(
                            listener.name(), "listener " + listener.name() + ": pool " + pool.name() + ": " + problem);
                }
            }
        }
        return new Read(stores, problems);
    }

    private static TargetTlsStore store(
            PoolConfig pool, TargetTlsConfig tls, @Nullable PoolState running, Map<String, String> wrong) {
        TargetTlsStore before = running == null ? null : running.tls();
        boolean http2 = pool.targetProtocol() == TargetProtocol.HTTP_2;
        TargetTlsStore store = before != null && before.config().equals(tls) && before.http2() == http2
                ? before
                : new TargetTlsStore(tls, http2);
        try {
            if (!store.usable()) {
                store.read();
            }
        } catch (IllegalArgumentException e) {
            wrong.put(pool.name(), e.getMessage());
        }
        return store;
    }

    /** Reads the files of each pool again when they have changed; new connections use them. */
    static void refresh(Collection<PoolState> pools) {
        for (PoolState pool : pools) {
            TargetTlsStore store = pool.tls();
            if (store == null || !store.stale()) {
                continue;
            }
            try {
                store.read();
                pool.encrypt();
                LOG.info(
                        "lb certificates of targets read again pool={}",
                        pool.config().name());
            } catch (IllegalArgumentException e) {
                LOG.error(
                        "lb certificates of targets refused, those in use stay: pool {}: {}",
                        pool.config().name(),
                        e.getMessage());
            }
        }
    }
}
