package dev.drover.node;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.Down;
import dev.drover.controlplane.link.HostIdentity;
import dev.drover.controlplane.link.Up;
import dev.drover.dataplane.Cidr;
import dev.drover.lb.LbConfig;
import dev.drover.node.attach.Addresses;
import dev.drover.node.attach.Attacher;
import dev.drover.node.attach.Attachment;
import dev.drover.node.docker.ContainerWatcher;
import dev.drover.node.docker.Listed;
import dev.drover.node.docker.Named;
import dev.drover.node.docker.Seen;
import dev.drover.node.link.LinkClient;
import dev.drover.node.link.Outbox;
import dev.drover.node.mapping.HostResolvers;
import dev.drover.node.mapping.Policies;
import dev.drover.node.mapping.Tables;
import dev.drover.node.metadata.MetadataSource;
import dev.drover.node.state.CertificateFiles;
import dev.drover.node.state.Desired;
import dev.drover.node.state.Identity;
import dev.drover.node.state.StateDir;
import dev.drover.node.workload.Workloads;
import dev.drover.overlay.Encryption;
import dev.drover.overlay.Mode;
import dev.drover.overlay.OverlayConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A node that has joined: brings together desired state, local containers and the data plane.
 *
 * <p>Threads: the tables belong to the thread {@code node}; looks at containers run on virtual threads, one at a time for
 * a container; messages of the link are handed over. Nothing here waits for the control plane.
 */
final class ManagedNode implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ManagedNode.class);
    private static final long DRAIN_CHECK_MS = 200;
    private static final long SAVE_DELAY_MS = 100;
    private static final long LINK_WAIT_MS = 2_000;
    private static final long RETRY_APPLY_MS = 2_000;
    private static final long FIRST_RETRY_MS = 500;
    private static final long LONGEST_RETRY_MS = 30_000;
    private static final long FLOWS_PERIOD_MS = 15_000;

    private final StateDir stateDir;
    private final Identity identity;
    private final @Nullable Encryption encryption;
    private final DataPlane dataPlane;
    private final Mode mode;
    private final Attacher attacher;
    private final Addresses addresses;
    private final Containers containers = new Containers();
    private final ContainerWatcher watcher;
    private final Workloads workloads;
    private final Outbox outbox = new Outbox(containers::facts);
    private final LinkClient link;
    private final CertificateFiles certificates;
    private final Path accessLogs;
    private final DrainWatch drains;
    private final FlowReport flows = new FlowReport(System.nanoTime());
    private final ScheduledExecutorService core = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("node").factory());
    private final ScheduledExecutorService saver = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("node-state").factory());
    private final AtomicBoolean linkStarted = new AtomicBoolean();
    private final AtomicBoolean applyQueued = new AtomicBoolean();
    private final AtomicBoolean saveQueued = new AtomicBoolean();
    private final Map<String, Long> retryMs = new ConcurrentHashMap<>();
    private final CountDownLatch serving = new CountDownLatch(1);

    private volatile Desired desired;
    private volatile HostIdentity host;
    private volatile boolean adopted;
    private volatile boolean connected;
    private volatile @Nullable String engineVersion;
    private volatile Map<String, String> problems = Map.of();
    private Up.@Nullable Applied told;
    private boolean drainChecking;
    private boolean applyRetrying;

    /**
     * @param mode of the overlay on this host
     * @param socket of the Docker engine, {@code unix:///path}
     * @param syncInterval between full lists of containers
     */
    ManagedNode(
            StateDir stateDir,
            Identity identity,
            DataPlane dataPlane,
            Mode mode,
            String socket,
            Duration syncInterval) {
        this.stateDir = stateDir;
        this.mode = mode;
        this.identity = identity;
        this.dataPlane = dataPlane;
        host = identity.host();
        encryption = host.encrypted() ? stateDir.encryption() : null;
        desired = stateDir.desired();
        addresses = new Addresses(Cidr.parse(host.block()), stateDir);
        attacher = new Attacher(addresses, dataPlane.wiring(), this::search);
        watcher = new ContainerWatcher(socket, syncInterval, new FromDocker());
        workloads = new Workloads(watcher::engine, this::requestApply);
        certificates = new CertificateFiles(stateDir.directory().resolve("certificates"));
        accessLogs = stateDir.directory().resolve("access-logs");
        drains = new DrainWatch(dataPlane::inFlight, outbox::drained);
        link = new LinkClient(
                URI.create(identity.server()), identity.pin(), identity.hostKey(), outbox, new FromControlPlane());
    }

    /**
     * Serves what is on disk, adopts what runs, then connects. The engine is asked while the data plane starts; nothing is
     * attached before that is up. Returns when the data plane serves.
     *
     * @throws IllegalStateException when the overlay cannot be set up on this host
     */
    void start() {
        watcher.start();
        await(core.submit(this::apply));
        String overlay = problems.get("overlay");
        if (overlay != null) {
            throw new IllegalStateException("overlay: " + overlay);
        }
        serving.countDown();
        LOG.info(
                "node serving host={} environment={} vtep={} block={} revision={} sinceProcessStartMs={}",
                host.hostName(),
                host.environmentName(),
                identity.vtep(),
                host.block(),
                desired.revision(),
                sinceProcessStartMs());
        core.schedule(this::startLink, LINK_WAIT_MS, TimeUnit.MILLISECONDS);
        core.scheduleWithFixedDelay(this::tellFlows, FLOWS_PERIOD_MS, FLOWS_PERIOD_MS, TimeUnit.MILLISECONDS);
    }

    private void tellFlows() {
        try {
            Up.Flows report = flows.next(dataPlane.flows(), System.nanoTime());
            if (report != null) {
                outbox.flows(report);
            }
        } catch (RuntimeException e) {
            LOG.warn("flows not told: {}", e.toString());
        }
    }

    /** Once the engine answers, since the first message tells its version, or when it does not for a while. */
    private void startLink() {
        if (serving.getCount() == 0 && linkStarted.compareAndSet(false, true)) {
            link.start();
        }
    }

    private static void await(Future<?> done) {
        try {
            done.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
    }

    private static long sinceProcessStartMs() {
        return ProcessHandle.current()
                .info()
                .startInstant()
                .map(start -> Duration.between(start, Instant.now()).toMillis())
                .orElse(-1L);
    }

    private List<String> search(Seen container) {
        String instanceId = container.instanceId();
        DesiredItem workload = instanceId == null ? null : desired.items().get("workload/" + instanceId);
        return workload instanceof DesiredItem.Workload held ? held.dnsSearch() : List.of(host.zone());
    }

    /** Not before the containers of this host are known, and not from a state that was never received. */
    private void desireWorkloads() {
        Desired now = desired;
        if (adopted && now.revision() > 0) {
            workloads.desire(workloads(now));
        }
    }

    private static Map<String, DesiredItem.Workload> workloads(Desired desired) {
        Map<String, DesiredItem.Workload> workloads = new HashMap<>();
        desired.items().values().forEach(item -> {
            if (item instanceof DesiredItem.Workload workload) {
                workloads.put(workload.instanceId(), workload);
            }
        });
        return workloads;
    }

    /** Brings the data plane in line soon; many requests are one pass. Any thread. */
    private void requestApply() {
        if (applyQueued.compareAndSet(false, true)) {
            onCore(this::apply);
        }
    }

    private void onCore(Runnable task) {
        try {
            core.execute(() -> {
                try {
                    task.run();
                } catch (RuntimeException e) {
                    LOG.error("node task failed", e);
                }
            });
        } catch (RejectedExecutionException e) {
            LOG.debug("task dropped: closing");
        }
    }

    private void apply() {
        applyQueued.set(false);
        Desired now = desired;
        Tables tables = Tables.of(
                new Tables.Host(host, vtep(), mode, HostResolvers.read(), encryption, certificates, accessLogs),
                now.items(),
                adopted ? containers.local() : null);
        Map<String, String> found = new TreeMap<>(tables.problems());
        Policies policies = Policies.of(host, now.items());
        found.putAll(policies.problems());
        writeCertificates(now, found);
        makeLogDirectory(tables.lb());
        Map<String, String> refused = dataPlane.apply(tables.overlay(), policies.policy(), tables.dns(), tables.lb());
        String unread = dataPlane.tell(new MetadataSource(host, now.items(), adopted ? containers.facts() : null));
        if (unread != null) {
            refused.put("metadata", unread);
        }
        found.putAll(refused);
        keepCertificates(now, found);
        workloads.problems().forEach((instanceId, problem) -> found.put("workload/" + instanceId, problem));
        report(now.revision(), found);
        drains.draining(tables.draining());
        if (!tables.draining().isEmpty()) {
            checkDrains();
        }
        if (!refused.isEmpty() && !applyRetrying) {
            applyRetrying = true;
            core.schedule(this::retryApply, RETRY_APPLY_MS, TimeUnit.MILLISECONDS);
        }
    }

    /** Before the load balancer reads them. */
    private void writeCertificates(Desired now, Map<String, String> found) {
        try {
            certificates.write(now.items().values());
        } catch (UncheckedIOException | IllegalArgumentException e) {
            found.put("certificates", String.valueOf(e.getMessage()));
        }
    }

    /** What cannot be made is told by the load balancer with the file it is for. */
    private void makeLogDirectory(LbConfig lb) {
        if (lb.listeners().stream().anyMatch(listener -> listener.observation().accessLog() != null)) {
            try {
                Files.createDirectories(
                        accessLogs, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-x---")));
            } catch (IOException e) {
                LOG.warn("access logs have no directory path={} reason={}", accessLogs, e.toString());
            }
        }
    }

    /** After it has read others. */
    private void keepCertificates(Desired now, Map<String, String> found) {
        try {
            certificates.keepOnly(now.items().values());
        } catch (UncheckedIOException | IllegalArgumentException e) {
            found.put("certificates", String.valueOf(e.getMessage()));
        }
    }

    private void retryApply() {
        applyRetrying = false;
        requestApply();
    }

    private InetAddress vtep() {
        return OverlayConfig.parseVtep(identity.vtep());
    }

    private void report(long revision, Map<String, String> found) {
        if (!found.equals(problems)) {
            found.forEach((key, problem) -> {
                if (!problem.equals(problems.get(key))) {
                    LOG.warn("not applied key={} {}", key, problem);
                }
            });
            problems = Map.copyOf(found);
        }
        Up.Applied applied = new Up.Applied(revision, Map.copyOf(found));
        if (revision > 0 && !applied.equals(told)) {
            told = applied;
            outbox.applied(applied);
        }
    }

    /** Looks first after a moment: a lane may just be handing a request to a target of the former tables. */
    private void checkDrains() {
        if (!drainChecking) {
            drainChecking = true;
            core.schedule(this::onDrainCheck, DRAIN_CHECK_MS, TimeUnit.MILLISECONDS);
        }
    }

    private void onDrainCheck() {
        drainChecking = false;
        if (drains.check()) {
            checkDrains();
        }
    }

    private void requestSave() {
        if (saveQueued.compareAndSet(false, true)) {
            saver.schedule(this::save, SAVE_DELAY_MS, TimeUnit.MILLISECONDS);
        }
    }

    private void save() {
        saveQueued.set(false);
        try {
            stateDir.desired(desired);
        } catch (RuntimeException e) {
            LOG.error("desired state not saved: {}", e.getMessage());
        }
    }

    private final class FromDocker implements ContainerWatcher.Listener {
        @Override
        public void onSeen(Seen container) {
            awaitServing();
            Attachment attachment = attacher.update(container);
            Containers.Entry entry = new Containers.Entry(container, attachment);
            if (containers.put(entry)) {
                if (adopted) {
                    outbox.put(entry.fact());
                }
                requestApply();
                lookAtInstance(entry);
            }
            if (attachment.retry()) {
                long delayMs = retryMs.merge(
                        container.id(), FIRST_RETRY_MS, (held, _) -> Math.min(held * 2, LONGEST_RETRY_MS));
                watcher.look(container.id(), Duration.ofMillis(delayMs));
            } else {
                retryMs.remove(container.id());
            }
        }

        @Override
        public void onCreated(Named container) {
            attacher.reserve(container);
        }

        @Override
        public void onStarted(Named container) {
            Addresses.Lease lease = attacher.reserved(container.id());
            if (lease != null && containers.started(container, lease)) {
                requestApply();
            }
        }

        @Override
        public void onEnded(String id, long timeNanos, @Nullable Integer exitCode) {
            boolean begun = containers.forgetStart(id);
            Containers.Entry entry = containers.ended(id, timeNanos, exitCode);
            if (entry != null && adopted) {
                outbox.put(entry.fact());
            }
            if (entry != null || begun) {
                requestApply();
            }
            if (entry != null) {
                lookAtInstance(entry); // the look at the container will find nothing that is not known by then
            }
        }

        @Override
        public void onGone(String id) {
            attacher.remove(id);
            retryMs.remove(id);
            Containers.Entry entry = containers.remove(id);
            if (entry != null) {
                outbox.remove(id);
                requestApply();
                lookAtInstance(entry);
            }
        }

        private void awaitServing() {
            try {
                serving.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("closing", e);
            }
        }

        private void lookAtInstance(Containers.Entry entry) {
            String instanceId = entry.instanceId();
            if (instanceId != null) {
                workloads.look(instanceId);
            }
        }

        @Override
        public void onEngine(@Nullable String version) {
            engineVersion = version;
            if (version != null) {
                onCore(ManagedNode.this::startLink);
            }
        }

        @Override
        public void onListed() {
            if (!adopted) {
                forgetRemoved();
                adopted = true;
                LOG.info(
                        "containers adopted count={} sinceProcessStartMs={}",
                        containers.ids().size(),
                        sinceProcessStartMs());
                onCore(ManagedNode.this::desireWorkloads);
            }
            outbox.full();
            requestApply();
            workloads.lookAll(containers.instanceIds());
        }

        /** Containers that were removed while this node did not run give their addresses back. */
        private void forgetRemoved() {
            Set<String> existing = containers.ids();
            addresses.holders().stream().filter(id -> !existing.contains(id)).forEach(attacher::remove);
        }

        @Override
        public boolean isNews(Listed container) {
            Containers.Entry entry = containers.get(container.id());
            return entry == null
                    || !entry.seen().state().equals(container.state())
                    || !container.names().contains(entry.seen().name())
                    || entry.attachment().retry()
                    || (container.health() != null
                            && !container.health().equals(entry.seen().health()))
                    || attacher.isStale(container.id());
        }

        @Override
        public Set<String> known() {
            return containers.ids();
        }
    }

    private final class FromControlPlane implements LinkClient.Handler {
        @Override
        public Up.Hello hello() {
            return new Up.Hello(
                    Version.STRING,
                    desired.revision(),
                    HostFactsReader.read(identity.vtep(), identity.labels(), engineVersion, encryption));
        }

        @Override
        public void onWelcome(Down.Welcome welcome) {
            connected = true;
            onCore(() -> {
                HostIdentity fresh = welcome.identity();
                if (!fresh.equals(host)) {
                    adoptIdentity(fresh);
                }
                drains.repeat();
                checkDrains();
                told = null;
                report(desired.revision(), problems);
            });
            if (adopted) {
                outbox.full();
            }
        }

        private void adoptIdentity(HostIdentity fresh) {
            stateDir.identity(identity.withHost(fresh));
            if (fresh.block().equals(host.block())
                    && fresh.subnet().equals(host.subnet())
                    && fresh.vni() == host.vni()
                    && fresh.port() == host.port()
                    && fresh.encrypted() == host.encrypted()) {
                host = fresh;
                requestApply();
            } else {
                LOG.warn(
                        "network of this host changed block={} subnet={} vni={}: used from the next start on",
                        fresh.block(),
                        fresh.subnet(),
                        fresh.vni());
            }
        }

        @Override
        public void onDesired(Down.Desired change) {
            onCore(() -> {
                Desired next = desired.apply(change);
                desired = next;
                LOG.debug(
                        "desired revision={} full={} items={}",
                        next.revision(),
                        change.full(),
                        next.items().size());
                apply();
                desireWorkloads();
                requestSave();
            });
        }

        @Override
        public void onSendFull() {
            if (adopted) {
                outbox.full();
            }
        }

        @Override
        public void onLost() {
            connected = false;
        }
    }

    /** For the admin endpoint. */
    Map<String, Object> status() {
        Map<String, Object> status = new TreeMap<>();
        status.put("host", host.hostName());
        status.put("environment", host.environmentName());
        status.put("block", host.block());
        status.put("vtep", identity.vtep());
        status.put("revision", desired.revision());
        status.put("connected", connected);
        status.put("engine", engineVersion == null ? "unreachable" : engineVersion);
        status.put("adopted", adopted);
        status.put("containers", containers.ids().size());
        status.put("problems", problems);
        return status;
    }

    /** For the admin endpoint. */
    List<Up.ContainerFact> facts() {
        return containers.facts();
    }

    boolean connected() {
        return connected;
    }

    boolean engineUp() {
        return engineVersion != null;
    }

    long revision() {
        return desired.revision();
    }

    /** Desired key to what is wrong with it. */
    Map<String, String> problems() {
        return problems;
    }

    /** Ends looking, working and the link; containers go on, local traffic too. */
    @Override
    public void close() {
        link.close();
        workloads.close();
        watcher.close();
        core.shutdownNow();
        saver.shutdownNow();
        addresses.close();
        save();
    }
}
