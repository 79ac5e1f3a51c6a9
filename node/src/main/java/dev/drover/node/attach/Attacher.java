package dev.drover.node.attach;

import dev.drover.dataplane.Cidr;
import dev.drover.node.docker.Labels;
import dev.drover.node.docker.Named;
import dev.drover.node.docker.Seen;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides which containers belong into the overlay and wires them. Calls for one container must not overlap; different
 * containers may run in parallel.
 */
public final class Attacher {
    private static final Logger LOG = LoggerFactory.getLogger(Attacher.class);
    private static final Set<String> MANAGED_MODES = Set.of("default", "bridge", "none");

    private final Addresses addresses;
    private final Wiring wiring;
    private final Function<Seen, List<String>> search;
    private final Map<String, Wired> wired = new ConcurrentHashMap<>();

    /**
     * @param namespace identity of the network namespace it was wired in
     * @param mtu that it was wired with
     */
    private record Wired(int pid, @Nullable Object namespace, int mtu) {}

    /**
     * @param search resolver search list of a container, most specific first
     */
    public Attacher(Addresses addresses, Wiring wiring, Function<Seen, List<String>> search) {
        this.addresses = addresses;
        this.wiring = wiring;
        this.search = search;
    }

    /** Brings the wiring in line with {@code container}; problems are part of the result. */
    public Attachment update(Seen container) {
        if (!container.named().isManaged()) {
            return Attachment.NONE;
        }
        if (container.instanceId() == null && !MANAGED_MODES.contains(container.networkMode())) {
            addresses.release(container.id());
            return new Attachment(
                    null,
                    "network mode: " + container.networkMode() + " (expected: default, bridge or none with label "
                            + Labels.NETWORK + "=true)",
                    false);
        }
        try {
            return container.running() ? attach(container) : detach(container.id());
        } catch (RuntimeException e) {
            LOG.debug("attach failed name={}", container.name(), e);
            return new Attachment(null, "attach: " + e.getMessage(), true);
        }
    }

    /** Gives a container that is being made its address, so that nothing waits for the disk when it starts. */
    public void reserve(Named container) {
        if (container.isManaged()) {
            try {
                addresses.lease(container.id(), wanted(container.labels().get(Labels.REQUESTED_IP)));
            } catch (RuntimeException e) {
                LOG.debug("no address reserved name={}", container.name(), e); // its attachment will tell
            }
        }
    }

    /** What a container will be wired with, null when that is not known. */
    public Addresses.@Nullable Lease reserved(String id) {
        return addresses.of(id);
    }

    private Attachment attach(Seen container) {
        String requested = container.labels().get(Labels.REQUESTED_IP);
        int[] wanted = wanted(requested);
        Addresses.Lease lease = addresses.lease(container.id(), wanted);
        Wired now = new Wired(container.pid(), namespace(container.pid()), wiring.mtu());
        if (!now.equals(wired.get(container.id())) || !wiring.inPlace(container.id())) {
            wiring.attach(container.id(), container.pid(), lease.address(), lease.mac());
            if (container.resolvConfPath() != null
                    && !isFalse(container.labels().get(Labels.DNS))) {
                wiring.resolver(Path.of(container.resolvConfPath()), search.apply(container));
            }
            wired.put(container.id(), now);
            LOG.info(
                    "container attached name={} id={} address={} sinceStartMs={}",
                    container.name(),
                    container.id().substring(0, 12),
                    Cidr.format(lease.address()),
                    sinceStartMs(container));
        }
        addresses.awaitSaved();
        boolean honoured = requested == null || Arrays.stream(wanted).anyMatch(w -> w == lease.address());
        return new Attachment(
                lease,
                honoured
                        ? null
                        : Labels.REQUESTED_IP + ": " + requested
                                + " (expected: a free address of this host's block), got "
                                + Cidr.format(lease.address()),
                false);
    }

    private Attachment detach(String id) {
        if (wired.remove(id) != null || addresses.of(id) != null) {
            wiring.detach(id);
        }
        return Attachment.NONE;
    }

    /** The container does not exist any more. */
    public void remove(String id) {
        wired.remove(id);
        if (addresses.of(id) != null) {
            wiring.detach(id);
            addresses.release(id);
        }
    }

    /**
     * True when a container that was wired has another network namespace by now, as after a restart nobody told of, when
     * the overlay has another MTU, or when the wire is not what it was, as after the bridge was deleted.
     */
    public boolean isStale(String id) {
        Wired held = wired.get(id);
        return held != null
                && (!held.equals(new Wired(held.pid(), namespace(held.pid()), wiring.mtu())) || !wiring.inPlace(id));
    }

    private static long sinceStartMs(Seen container) {
        try {
            return container.startedAt() == null
                    ? -1
                    : Duration.between(Instant.parse(container.startedAt()), Instant.now())
                            .toMillis();
        } catch (DateTimeParseException e) {
            return -1; // another engine's idea of a time
        }
    }

    private static boolean isFalse(@Nullable String label) {
        return "false".equalsIgnoreCase(label);
    }

    private static int[] wanted(@Nullable String requested) {
        if (requested == null || requested.isBlank()) {
            return new int[0];
        }
        return Arrays.stream(requested.split(","))
                .mapToInt(text -> Cidr.parseAddress(text.strip()))
                .toArray();
    }

    private static @Nullable Object namespace(int pid) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns/net"));
        } catch (IOException e) {
            return null; // the process is gone
        }
    }
}
