package dev.drover.controlplane.links;

import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.websocket.WebSocket;
import com.linecorp.armeria.common.websocket.WebSocketWriter;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.ServiceRequestContext;
import com.linecorp.armeria.server.websocket.WebSocketService;
import dev.drover.controlplane.desired.Desired;
import dev.drover.controlplane.desired.DesiredState;
import dev.drover.controlplane.link.Down;
import dev.drover.controlplane.link.HostIdentity;
import dev.drover.controlplane.link.Up;
import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.LiveState;
import dev.drover.controlplane.repository.Repository;
import dev.drover.controlplane.schedule.NodeStatus;
import dev.drover.controlplane.schedule.Nodes;
import dev.drover.controlplane.security.HostKeys;
import io.netty.util.AttributeKey;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All connections of nodes. A host has one live connection: when a second node comes with the same key, the present one is
 * asked for a sign of life; if it gives one the newcomer is refused, else it is replaced. So a node that lost its network
 * gets in again at once, and two machines with one key do not push each other out for ever.
 */
public final class LinkService implements Nodes, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LinkService.class);
    private static final AttributeKey<Host> HOST = AttributeKey.valueOf(LinkService.class, "HOST");
    private static final String BEARER = "Bearer ";

    private final Repository repository;
    private final LiveState live;
    private final LinkConfig config;
    private final InstantSource clock;
    private final LinkMetrics metrics;
    private final ConcurrentHashMap<String, HostSlot> slots = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<String, History> histories = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<Session, FactsIntake> intakes = new ConcurrentHashMap<>();
    private final CopyOnWriteArrayList<Consumer<String>> listeners = new CopyOnWriteArrayList<>();
    private volatile boolean closed;

    public LinkService(Repository repository, LiveState live, PrometheusRegistry registry) {
        this(repository, live, registry, LinkConfig.DEFAULT, InstantSource.system());
    }

    public LinkService(
            Repository repository,
            LiveState live,
            PrometheusRegistry registry,
            LinkConfig config,
            InstantSource clock) {
        this.repository = repository;
        this.live = live;
        this.config = config;
        this.clock = clock;
        this.metrics = new LinkMetrics(registry, this::connectedHosts);
    }

    /** What to mount at {@code /v1/link}. Refuses with 401 whoever has no host key, before the WebSocket opens. */
    public HttpService http() {
        WebSocketService webSocket = WebSocketService.builder(this::open)
                .allowedOrigins("*") // the key is no cookie: a page of another origin has nothing to ride on
                .maxFramePayloadLength(config.maxMessageBytes())
                .build();
        return webSocket.decorate((delegate, context, request) -> {
            Host host = authenticate(request.headers().get(HttpHeaderNames.AUTHORIZATION));
            if (host == null) {
                metrics.refused.labelValues("unauthorized").inc();
                return HttpResponse.of(
                        HttpStatus.UNAUTHORIZED,
                        MediaType.JSON_UTF_8,
                        HttpData.ofUtf8("{\"error\":{\"code\":\"unauthorized\",\"message\":"
                                + "\"authorization: no host has this key (expected: Bearer HOST_KEY)\"}}"));
            }
            context.setAttr(HOST, host);
            return delegate.serve(context, request);
        });
    }

    private @Nullable Host authenticate(@Nullable String authorization) {
        if (closed || authorization == null || !authorization.startsWith(BEARER)) {
            return null;
        }
        return HostKeys.authenticate(repository, authorization.substring(BEARER.length()))
                .orElse(null);
    }

    /** Event loop. */
    private WebSocket open(ServiceRequestContext context, WebSocket inbound) {
        Host host = Objects.requireNonNull(context.attr(HOST));
        WebSocketWriter writer = WebSocket.streaming();
        HostSlot slot = slots.computeIfAbsent(host.id(), id -> new HostSlot(nowMs()));
        Session session = new Session(this, context, writer, host, slot, config);
        Thread.startVirtualThread(() -> {
            claim(session);
            inbound.subscribe(session, context.eventLoop());
        });
        return writer;
    }

    /** Makes it the host's connection or ends it; blocks while the present one is given time to prove itself. */
    private void claim(Session session) {
        while (true) {
            Session present = session.slot().claim(session);
            if (present == null) {
                live.setMessage(session.host().id(), null);
                return;
            }
            if (present.isAlive()) {
                String message = "a second node with this host's key was refused; connected is " + present.remote()
                        + ", refused was " + session.remote();
                live.setMessage(session.host().id(), message);
                session.end(
                        Goodbye.DUPLICATE, "another node with this host's key is connected from " + present.remote());
                return;
            }
            present.end(Goodbye.REPLACED, "");
        }
    }

    /** Virtual thread of the session's message. */
    void onMessage(Session session, Up message) {
        if (!session.welcomed() && !(message instanceof Up.Hello)) {
            throw new IllegalArgumentException("message: not expected (expected: hello first)");
        }
        switch (message) {
            case Up.Hello hello -> onHello(session, hello);
            case Up.Facts facts -> onFacts(session, facts);
            case Up.Applied applied -> onApplied(session, applied);
            case Up.Drained drained -> onDrained(session, drained);
            case Up.Flows flows -> onFlows(session, flows);
        }
    }

    private void onHello(Session session, Up.Hello hello) {
        countReceived("hello");
        if (hello.host() == null || hello.host().vtep() == null) {
            throw new IllegalArgumentException("hello.host.vtep: missing");
        }
        Host host = remember(session.host(), hello.host());
        Environment environment = host == null
                ? null
                : repository.get(Kind.ENVIRONMENT, host.environmentId()).orElse(null);
        if (host == null || environment == null) {
            session.end(Goodbye.REMOVED, "");
            return;
        }
        if (session.welcomed()) {
            return; // news of the host itself, such as its engine's version
        }
        intakes.put(session, new FactsIntake(repository, host));
        History history = histories.get(environment.id());
        DesiredState known =
                history != null && session.slot().isKnown(hello.revision()) ? history.at(hello.revision()) : null;
        session.welcome(new Down.Welcome(identity(host, environment), serverVersion()), known);
        session.slot().welcomed(nowMs());
        live.setConnected(host.id(), true);
        LOG.info(
                "host connected host={} remote={} version={} revision={} full={}",
                host.name(),
                session.remote(),
                hello.nodeVersion(),
                hello.revision(),
                known == null);
        if (history != null && history.latest().hostIds().contains(host.id())) {
            session.offer(history.latest());
        }
        changed(environment.id());
    }

    /** Stores what the host says of itself; null when it was removed meanwhile. */
    private @Nullable Host remember(Host joined, Up.HostFacts facts) {
        Optional<Host> updated = repository.transact(transaction -> {
            Optional<Host> found = transaction.get(Kind.HOST, joined.environmentId(), joined.id());
            return found.map(host -> {
                Map<String, String> labels = new HashMap<>(host.labels());
                if (facts.labels() != null) {
                    labels.putAll(facts.labels());
                }
                Host now = new Host(
                        host.id(),
                        host.environmentId(),
                        host.name(),
                        host.machineId(),
                        facts.vtep(),
                        Map.copyOf(labels),
                        host.block(),
                        host.keyHash(),
                        facts);
                transaction.put(Kind.HOST, now);
                return now;
            });
        });
        return updated.orElse(null);
    }

    private static HostIdentity identity(Host host, Environment environment) {
        return new HostIdentity(
                host.id(),
                host.name(),
                environment.id(),
                environment.name(),
                host.block(),
                environment.subnet(),
                environment.vni(),
                environment.port(),
                Desired.ZONE,
                environment.encryption());
    }

    private void onFacts(Session session, Up.Facts facts) {
        countReceived(facts.full() ? "facts-full" : "facts");
        FactsIntake intake = Objects.requireNonNull(intakes.get(session));
        intake.accept(new Up.Facts(
                facts.full(),
                facts.put() == null ? List.of() : facts.put(),
                facts.remove() == null ? List.of() : facts.remove()));
        if (facts.full() && !session.listed()) {
            session.setListed();
            changed(session.host().environmentId());
        }
    }

    private void onApplied(Session session, Up.Applied applied) {
        countReceived("applied");
        session.acknowledge(applied.revision());
        session.slot().problems(applied.problems() == null ? Map.of() : applied.problems());
        changed(session.host().environmentId());
    }

    private void onDrained(Session session, Up.Drained drained) {
        countReceived("drained");
        String environmentId = session.host().environmentId();
        Set<String> existing = new HashSet<>();
        repository.list(Kind.INSTANCE, environmentId).forEach(each -> existing.add(each.id()));
        Set<String> known = new HashSet<>(drained.instanceIds());
        known.retainAll(existing);
        session.slot().retainDrained(existing);
        session.slot().addDrained(known);
        changed(environmentId);
    }

    private void onFlows(Session session, Up.Flows flows) {
        countReceived("flows");
        live.setFlows(session.host().id(), FlowsIntake.checked(flows, session.host()));
    }

    void onEnd(Session session, @Nullable Goodbye goodbye, String detail) {
        intakes.remove(session);
        if (goodbye != null) {
            metrics.refused.labelValues(goodbye.label).inc();
        }
        if (session.slot().release(session, nowMs())) {
            live.setConnected(session.host().id(), false);
            changed(session.host().environmentId());
        }
        LOG.info(
                "host disconnected host={} remote={} reason={} detail={}",
                session.host().name(),
                session.remote(),
                goodbye == null ? "closed by node" : goodbye.label,
                detail);
    }

    @Override
    public NodeStatus status(String hostId) {
        return slots.computeIfAbsent(hostId, id -> new HostSlot(nowMs())).status();
    }

    @Override
    public void publish(DesiredState state) {
        histories.compute(state.environmentId(), (id, history) -> {
            if (history == null) {
                return new History(state);
            }
            history.add(state);
            return history;
        });
        for (Session session : sessions(state.environmentId())) {
            if (state.hostIds().contains(session.host().id())) {
                session.offer(state);
            } else if (repository
                    .get(Kind.HOST, state.environmentId(), session.host().id())
                    .isEmpty()) {
                session.end(Goodbye.REMOVED, "");
                slots.remove(session.host().id());
            }
        }
    }

    @Override
    public void forget(String environmentId) {
        histories.remove(environmentId);
        for (Session session : sessions(environmentId)) {
            session.end(Goodbye.REMOVED, "");
            slots.remove(session.host().id());
        }
    }

    @Override
    public void onChange(Consumer<String> listener) {
        listeners.add(listener);
    }

    /** Sends every node away; they come back when the server does. */
    @Override
    public void close() {
        closed = true;
        for (HostSlot slot : slots.values()) {
            Session session = slot.session();
            if (session != null) {
                session.end(Goodbye.STOPPING, "");
            }
        }
    }

    private List<Session> sessions(String environmentId) {
        List<Session> sessions = new ArrayList<>();
        for (HostSlot slot : slots.values()) {
            Session session = slot.session();
            if (session != null && session.host().environmentId().equals(environmentId)) {
                sessions.add(session);
            }
        }
        return sessions;
    }

    private int connectedHosts() {
        return (int) slots.values().stream()
                .filter(slot -> slot.status().connected())
                .count();
    }

    private void changed(String environmentId) {
        listeners.forEach(listener -> listener.accept(environmentId));
    }

    long nowMs() {
        return clock.millis();
    }

    void countReceived(String type) {
        metrics.received.labelValues(type).inc();
    }

    void countSent(String type, int bytes) {
        metrics.sent.labelValues(type).inc();
        metrics.sentBytes.inc(bytes);
    }

    private static String serverVersion() {
        String version = LinkService.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }
}
