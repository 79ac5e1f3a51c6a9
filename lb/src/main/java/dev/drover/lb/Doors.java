package dev.drover.lb;

import dev.drover.dataplane.Lanes;
import dev.drover.lb.path.LbLane;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The bound ports, and the change from one set of them to the next; guarded by the load balancer. */
final class Doors {
    private final Lanes lanes;
    private final List<LbLane> state;
    private final Map<Door.Key, Door> open = new HashMap<>();
    private final List<Door> opened = new ArrayList<>();
    private final List<Door> gaveWay = new ArrayList<>();
    /** Closed, but for the sake of their sessions not yet free. */
    private final List<DatagramDoor> lingering = new ArrayList<>();

    private final long drainNs;
    private int nextAcceptor;

    /** @param drainNs for those who are in when a door closes, where they need it */
    Doors(Lanes lanes, List<LbLane> state, long drainNs) {
        this.drainNs = drainNs;
        this.lanes = lanes;
        this.state = state;
    }

    @Nullable
    Door get(Door.Key key) {
        return open.get(key);
    }

    /**
     * Opens what is wanted and not open yet. An open door that is no longer wanted gives way when it holds the port (a
     * change from 0.0.0.0:80 to 127.0.0.1:80). End with {@link #keepOnly} or {@link #rollBack}.
     *
     * @return the reason by key for each that could not be opened
     */
    Map<Door.Key, String> open(Set<Door.Key> wanted) {
        opened.clear();
        gaveWay.clear();
        Map<Door.Key, String> failures = new LinkedHashMap<>();
        for (Door.Key key : wanted) {
            if (open.containsKey(key)) {
                continue;
            }
            Door door = Door.of(key, lanes, nextAcceptor++ % lanes.count(), state);
            release(key);
            String failure = tryOpen(door);
            if (failure != null) {
                failure = tryInsteadOf(obsolete(key, wanted), door, failure);
            }
            if (failure == null) {
                open.put(key, door);
                opened.add(door);
            } else {
                failures.put(key, failure);
            }
        }
        return failures;
    }

    private List<Door> obsolete(Door.Key key, Set<Door.Key> wanted) {
        return open.values().stream()
                .filter(door -> door.key().overlaps(key) && !wanted.contains(door.key()))
                .toList();
    }

    private @Nullable String tryInsteadOf(List<Door> others, Door door, String firstFailure) {
        if (others.isEmpty()) {
            return firstFailure;
        }
        others.forEach(this::closeAtOnce);
        String failure = tryOpen(door);
        if (failure == null) {
            others.forEach(other -> open.remove(other.key()));
            gaveWay.addAll(others);
        } else {
            others.forEach(Doors::tryOpen);
        }
        return failure;
    }

    private static @Nullable String tryOpen(Door door) {
        try {
            door.open();
            return null;
        } catch (IOException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** Undoes the last {@link #open(Set)}. */
    void rollBack() {
        for (Door door : opened) {
            open.remove(door.key());
            closeAtOnce(door);
        }
        for (Door door : gaveWay) {
            tryOpen(door);
            open.put(door.key(), door);
        }
    }

    /** Closes every other door. */
    void keepOnly(Set<Door> used) {
        open.values().removeIf(door -> {
            if (used.contains(door)) {
                return false;
            }
            close(door);
            return true;
        });
        lingering.removeIf(door -> !door.lingers());
    }

    private void close(Door door) {
        door.close(drainNs);
        if (door instanceof DatagramDoor datagrams) {
            lingering.add(datagrams);
        }
    }

    /** The port is needed for another. */
    private void closeAtOnce(Door door) {
        door.close(0);
        if (door instanceof DatagramDoor datagrams) {
            datagrams.release();
        }
    }

    /** Frees the port where only sessions of a closed door hold it. */
    private void release(Door.Key key) {
        lingering.stream().filter(door -> door.key().overlaps(key)).forEach(DatagramDoor::release);
    }

    /** Frees every port at once. */
    void closeAll() {
        open.values().forEach(this::closeAtOnce);
        open.clear();
        lingering.forEach(DatagramDoor::release);
        lingering.clear();
    }
}
