package dev.drover.controlplane.api;

import dev.drover.controlplane.api.Views.View;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Stack;
import dev.drover.controlplane.repository.Batch;
import dev.drover.controlplane.repository.Change;
import dev.drover.controlplane.repository.LiveState;
import dev.drover.controlplane.repository.Repository;
import dev.drover.controlplane.repository.Subscription;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Keeps one picture of everything for all live watches, turns each committed transaction into one message and hands it to
 * every client. The work for a change depends on what it touches, not on how much there is.
 */
final class WatchHub implements AutoCloseable {
    private final LiveState live;
    private final ReentrantLock lock = new ReentrantLock();
    private final Set<WatchClient> clients = new LinkedHashSet<>();
    private final Subscription liveSubscription;
    private final Subscription subscription;
    private Picture picture;
    private long revision;

    private enum Shown {
        ENVIRONMENTS,
        HOSTS,
        STACKS,
        SERVICES,
        CONTAINERS;

        String plural() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** A resource that must be shown anew. */
    private record Ref(Shown kind, String id) {}

    WatchHub(Repository repository, LiveState live) {
        this.live = live;
        this.picture = new Picture(live);
        this.liveSubscription = live.subscribe(id -> Thread.startVirtualThread(() -> onLiveChange(id)));
        this.subscription = repository.subscribe(null, Picture.KINDS, this::onBatch);
    }

    /** Sends the client a snapshot; every later change follows. */
    void add(WatchClient client) {
        lock.lock();
        try {
            clients.add(client);
            client.send(Json.text(snapshot()));
        } finally {
            lock.unlock();
        }
    }

    void remove(WatchClient client) {
        lock.lock();
        try {
            clients.remove(client);
        } finally {
            lock.unlock();
        }
    }

    int clients() {
        lock.lock();
        try {
            return clients.size();
        } finally {
            lock.unlock();
        }
    }

    private void onBatch(Batch batch) {
        lock.lock();
        try {
            revision = batch.revision();
            if (batch.snapshot()) {
                picture = new Picture(live);
                batch.changes().forEach(picture::apply);
                broadcast(snapshot());
                return;
            }
            Set<Ref> touched = new LinkedHashSet<>();
            for (Change<?> change : batch.changes()) {
                touch(change, touched);
                picture.apply(change);
                touch(change, touched);
            }
            broadcast(message(touched));
        } finally {
            lock.unlock();
        }
    }

    private void onLiveChange(String id) {
        lock.lock();
        try {
            Set<Ref> touched = new LinkedHashSet<>();
            picture.host(id).ifPresent(host -> {
                touched.add(new Ref(Shown.HOSTS, id));
                touched.add(new Ref(Shown.ENVIRONMENTS, host.environmentId()));
            });
            picture.service(id).ifPresent(service -> touchService(id, touched));
            picture.serviceOfInstance(id).ifPresent(service -> touchService(service, touched));
            if (!touched.isEmpty()) {
                broadcast(message(touched));
            }
        } finally {
            lock.unlock();
        }
    }

    private void touch(Change<?> change, Set<Ref> touched) {
        switch (change.record()) {
            case Environment e -> touched.add(new Ref(Shown.ENVIRONMENTS, e.id()));
            case Host h -> {
                touched.add(new Ref(Shown.HOSTS, h.id()));
                touched.add(new Ref(Shown.ENVIRONMENTS, h.environmentId()));
            }
            case Stack s -> {
                touched.add(new Ref(Shown.STACKS, s.id()));
                touched.add(new Ref(Shown.ENVIRONMENTS, s.environmentId()));
            }
            case Service s -> touchService(s.id(), touched);
            case Instance i -> {
                touchService(i.serviceId(), touched);
                picture.containersOfInstance(i.id()).forEach(id -> touched.add(new Ref(Shown.CONTAINERS, id)));
            }
            case Container c -> {
                touched.add(new Ref(Shown.CONTAINERS, c.fact().dockerId()));
                touched.add(new Ref(Shown.HOSTS, c.hostId()));
                String instanceId = c.fact().instanceId();
                if (instanceId != null) {
                    picture.serviceOfInstance(instanceId).ifPresent(id -> touchService(id, touched));
                }
            }
            default -> throw new IllegalArgumentException("change: " + change.kind() + " (expected: a shown kind)");
        }
    }

    private void touchService(String id, Set<Ref> touched) {
        touched.add(new Ref(Shown.SERVICES, id));
        picture.stackOfService(id).ifPresent(stack -> touched.add(new Ref(Shown.STACKS, stack)));
    }

    private void broadcast(WatchMessage message) {
        if (!clients.isEmpty()) {
            String text = Json.text(message);
            clients.removeIf(client -> !client.send(text));
        }
    }

    private WatchMessage message(Set<Ref> touched) {
        Map<String, List<View>> put = new LinkedHashMap<>();
        Map<String, List<String>> remove = new LinkedHashMap<>();
        for (Ref ref : touched) {
            Optional<? extends View> view = view(ref);
            if (view.isPresent()) {
                put.computeIfAbsent(ref.kind().plural(), k -> new ArrayList<>()).add(view.get());
            } else {
                remove.computeIfAbsent(ref.kind().plural(), k -> new ArrayList<>())
                        .add(ref.id());
            }
        }
        return new WatchMessage("change", revision, put, remove);
    }

    private Optional<? extends View> view(Ref ref) {
        return switch (ref.kind()) {
            case ENVIRONMENTS -> picture.environment(ref.id());
            case HOSTS -> picture.host(ref.id());
            case STACKS -> picture.stack(ref.id(), false);
            case SERVICES -> picture.service(ref.id());
            case CONTAINERS -> picture.container(ref.id());
        };
    }

    private WatchMessage snapshot() {
        Map<String, List<View>> all = new LinkedHashMap<>();
        all.put(Shown.ENVIRONMENTS.plural(), List.copyOf(picture.environments()));
        all.put(Shown.HOSTS.plural(), List.copyOf(picture.hosts()));
        all.put(Shown.STACKS.plural(), List.copyOf(picture.stacks()));
        all.put(Shown.SERVICES.plural(), List.copyOf(picture.services()));
        all.put(Shown.CONTAINERS.plural(), List.copyOf(picture.containers()));
        return new WatchMessage("snapshot", revision, all, Map.of());
    }

    @Override
    public void close() {
        subscription.close();
        liveSubscription.close();
        lock.lock();
        try {
            List.copyOf(clients).forEach(WatchClient::goAway);
            clients.clear();
        } finally {
            lock.unlock();
        }
    }
}
