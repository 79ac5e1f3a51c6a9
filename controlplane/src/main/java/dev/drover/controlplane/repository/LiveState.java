package dev.drover.controlplane.repository;

import dev.drover.controlplane.link.Up;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What is known at present and not worth storing: which hosts are connected and what flows there (written by the link),
 * and what is wrong with a service or an instance (written by the scheduler and the link, shown by the API). Safe for any
 * number of threads.
 */
public final class LiveState {
    private final Set<String> connectedHosts = ConcurrentHashMap.newKeySet();
    private final ConcurrentHashMap<String, String> messages = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<String, String> states = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<String, Up.Flows> flows = new ConcurrentHashMap<>();
    private final CopyOnWriteArrayList<Consumer<String>> listeners = new CopyOnWriteArrayList<>();

    public boolean connected(String hostId) {
        return connectedHosts.contains(hostId);
    }

    public void setConnected(String hostId, boolean connected) {
        if (!connected) {
            flows.remove(hostId);
        }
        if (connected ? connectedHosts.add(hostId) : connectedHosts.remove(hostId)) {
            notifyListeners(hostId);
        }
    }

    /** What the host of that id has reported last; empty when it is not connected. */
    public Optional<Up.Flows> flows(String hostId) {
        return Optional.ofNullable(flows.get(hostId));
    }

    /** Listeners are not told. */
    public void setFlows(String hostId, Up.Flows reported) {
        flows.put(hostId, reported);
    }

    /** What is wrong with the service, instance or host of that id. */
    public Optional<String> message(String id) {
        return Optional.ofNullable(messages.get(id));
    }

    /** @param message null when all is well */
    public void setMessage(String id, @Nullable String message) {
        String before = message == null ? messages.remove(id) : messages.put(id, message);
        if (!Objects.equals(before, message)) {
            notifyListeners(id);
        }
    }

    /** How far the service of that id is: {@code active}, {@code activating}, {@code upgrading} or {@code removing}. */
    public Optional<String> state(String id) {
        return Optional.ofNullable(states.get(id));
    }

    /** @param state null when the service is gone */
    public void setState(String id, @Nullable String state) {
        String before = state == null ? states.remove(id) : states.put(id, state);
        if (!Objects.equals(before, state)) {
            notifyListeners(id);
        }
    }

    /** Calls {@code listener} with the id of whatever changed, on the thread that changed it; it must not block. */
    public Subscription subscribe(Consumer<String> listener) {
        listeners.add(listener);
        return () -> listeners.remove(listener);
    }

    private void notifyListeners(String id) {
        listeners.forEach(listener -> listener.accept(id));
    }
}
