package dev.drover.node;

import dev.drover.overlay.HostNetwork;
import dev.drover.overlay.HostNetworkSpec;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps bridge, forwarding and firewall rules of the host as the overlay needs them: makes them at once when they change,
 * and looks again from time to time, since whoever flushes the host's rules takes these along. Thread-safe.
 */
final class HostUpkeep implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HostUpkeep.class);
    private static final long PERIOD_S = 15;

    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("host-upkeep").factory());
    private @Nullable Supplier<HostNetworkSpec> wanted;
    private @Nullable HostNetworkSpec made;
    private boolean looking;

    /**
     * Makes the host so, now and from now on.
     *
     * @param spec asked each time: the MTU may change
     * @throws RuntimeException as {@link HostNetwork#ensure}
     */
    synchronized void keep(Supplier<HostNetworkSpec> spec) {
        wanted = spec;
        HostNetworkSpec now = spec.get();
        if (!now.equals(made)) {
            HostNetwork.ensure(now);
            made = now;
        }
        if (!looking) {
            looking = true;
            thread.scheduleWithFixedDelay(this::look, PERIOD_S, PERIOD_S, TimeUnit.SECONDS);
        }
    }

    /** Leaves the host alone until the next {@link #keep}. */
    synchronized void pause() {
        wanted = null;
        made = null;
    }

    private synchronized void look() {
        Supplier<HostNetworkSpec> spec = wanted;
        if (spec == null) {
            return;
        }
        try {
            HostNetworkSpec now = spec.get();
            HostNetwork.ensure(now);
            made = now;
        } catch (RuntimeException e) {
            LOG.warn("host network not as it should be, looked at again in {} s: {}", PERIOD_S, e.getMessage());
        }
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
