package dev.drover.node;

import dev.drover.dataplane.Sockets;
import dev.drover.dataplane.Transport;
import dev.drover.node.admin.AdminServer;
import dev.drover.node.admin.CaptureServer;
import dev.drover.node.cli.CliException;
import dev.drover.node.config.NodeFile;
import dev.drover.node.docker.Engine;
import dev.drover.node.docker.EngineException;
import dev.drover.node.docker.Listed;
import dev.drover.node.handover.Offer;
import dev.drover.node.handover.Predecessor;
import dev.drover.node.state.Identity;
import dev.drover.node.state.StateDir;
import dev.drover.overlay.Mode;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Everything a running node holds: the data plane, and the work that tells it what to be. The work can end and begin again
 * while listeners and resolver go on, which is what happens when a successor asks for their sockets.
 */
final class NodeProcess implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(NodeProcess.class);
    private static final Path RUNTIME_DIRECTORY = Path.of("/run/drover");

    /** Begins to tell the data plane what to be, with whatever that takes held in {@code parts}; gives what reloads it. */
    @FunctionalInterface
    private interface Work {
        Runnable begin(LiveDataPlane dataPlane, PrometheusRegistry metrics, Parts parts) throws InterruptedException;
    }

    private final Work work;
    private final LiveDataPlane dataPlane;
    private final CompletableFuture<Void> left = new CompletableFuture<>();
    private @Nullable Parts running;
    private @Nullable Offer offer;
    private @Nullable Predecessor predecessor;
    private Runnable reload = () -> {};
    private boolean closed;

    private NodeProcess(Work work, Transport transport) {
        this.work = work;
        dataPlane = LiveDataPlane.open(transport);
    }

    /**
     * The data plane from a file.
     *
     * @param takeOver whether to take the sockets of the node that runs, if one does
     */
    static NodeProcess ofFile(Path path, String text, NodeFile file, boolean takeOver) throws InterruptedException {
        NodeProcess process = new NodeProcess(
                (dataPlane, metrics, parts) -> {
                    StaticNode node = parts.hold(StaticNode.start(path, text, file, dataPlane));
                    serveAdmin(parts, file.admin(), metrics, dataPlane, dataPlane.tables());
                    LOG.info("node serving file={}", path);
                    return node::reload;
                },
                file.transport());
        return process.start(file.handover(), takeOver);
    }

    /**
     * A node that is, or becomes, a member of an environment.
     *
     * @param takeOver whether to take the sockets of the node that runs, if one does
     */
    static NodeProcess ofMember(Path directory, Membership.Wish wish, NodeOptions options, boolean takeOver)
            throws InterruptedException {
        String socket = options.socket();
        InetSocketAddress admin = options.adminAddress();
        var syncInterval = options.syncInterval();
        Mode mode = options.checkedMode();
        if (StateDir.hasIdentity(directory)) {
            Thread.ofPlatform().daemon().name("engine-warm-up").start(() -> warmUp(socket));
        }
        NodeProcess process = new NodeProcess(
                (dataPlane, metrics, parts) -> {
                    StateDir stateDir = parts.hold(openState(directory));
                    Identity identity = Membership.of(stateDir, wish, () -> Requirements.checkEngine(socket));
                    ManagedNode node =
                            parts.hold(new ManagedNode(stateDir, identity, dataPlane, mode, socket, syncInterval));
                    NodeMetrics.register(metrics, node);
                    node.start();
                    Map<String, Supplier<Object>> tables = new HashMap<>(dataPlane.tables());
                    tables.put("/node", node::status);
                    tables.put("/containers", node::facts);
                    serveAdmin(parts, admin, metrics, dataPlane, tables);
                    return () -> {};
                },
                Transport.EPOLL);
        return process.start(directory.resolve("handover.sock"), takeOver);
    }

    /**
     * The first call to the engine loads and links the whole client, which takes as long as starting the data plane: done
     * beside it, a restarted node adopts its containers that much sooner.
     */
    private static void warmUp(String socket) {
        try (Engine engine = Engine.connect(socket)) {
            List<Listed> containers = engine.list();
            if (!containers.isEmpty()) {
                engine.inspect(containers.getFirst().id());
            }
        } catch (EngineException e) {
            LOG.debug("engine not there yet: {}", e.getMessage());
        }
    }

    private static StateDir openState(Path directory) {
        try {
            return StateDir.open(directory);
        } catch (IOException e) {
            throw new CliException(
                    "state-dir: " + directory + ": " + e.getMessage() + " (expected: a directory that can be written)",
                    e);
        }
    }

    private static void serveAdmin(
            Parts parts,
            @Nullable InetSocketAddress address,
            PrometheusRegistry metrics,
            LiveDataPlane dataPlane,
            Map<String, Supplier<Object>> tables) {
        if (address != null) {
            Map<String, Supplier<Object>> all = new HashMap<>(tables);
            all.put("/overlay/capture", captures(parts, dataPlane));
            parts.hold(AdminServer.start(address, metrics, all, dataPlane.questions()));
        }
    }

    /** Tells where captures are to be had; a node does without, where the socket cannot be made. */
    private static Supplier<Object> captures(Parts parts, LiveDataPlane dataPlane) {
        try {
            CaptureServer server = parts.hold(CaptureServer.start(RUNTIME_DIRECTORY, dataPlane::capture));
            return () -> Map.of("socket", server.path().toString());
        } catch (IOException e) {
            LOG.warn("no captures: {}: {}", RUNTIME_DIRECTORY, e.toString());
            return () -> {
                throw new IllegalStateException("capture: " + RUNTIME_DIRECTORY + ": " + e
                        + " (expected: a directory that the node can make its socket in)");
            };
        }
    }

    private synchronized NodeProcess start(@Nullable Path handover, boolean takeOver) throws InterruptedException {
        try {
            if (takeOver && handover != null) {
                takeOver(handover);
            }
            begin();
            if (handover != null) {
                offer = Offer.open(handover, new Giver());
            }
            dataPlane.sockets().closeUnclaimed();
            if (predecessor != null) {
                predecessor.relieve();
            }
            return this;
        } catch (IOException e) {
            close();
            throw new CliException("handover: " + e.getMessage(), e);
        } catch (InterruptedException | RuntimeException e) {
            close();
            throw e;
        }
    }

    private void takeOver(Path handover) throws IOException, InterruptedException {
        Predecessor found = Predecessor.find(handover);
        if (found == null) {
            LOG.info("no node to take over from at {}", handover);
            return;
        }
        predecessor = found;
        List<Sockets.Held> sockets = found.takeSockets();
        dataPlane.sockets().inherit(sockets);
        dataPlane.beside(found::isAlive);
        LOG.info("taking over from the running node sockets={}", sockets.size());
    }

    private void begin() throws InterruptedException {
        PrometheusRegistry metrics = new PrometheusRegistry();
        dataPlane.registerMetrics(metrics);
        Parts parts = new Parts();
        running = parts;
        reload = work.begin(dataPlane, metrics, parts);
    }

    /** Applies the file again; nothing for a member. */
    synchronized void reload() {
        if (running != null) {
            reload.run();
        }
    }

    /** Runs {@code ending} when a successor has taken over and nothing is under way here any more. */
    void onLeft(Runnable ending) {
        left.thenRun(ending);
    }

    private void endWork() {
        Parts ending = running;
        running = null;
        if (ending != null) {
            ending.close();
        }
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (offer != null) {
            offer.close();
        }
        endWork();
        dataPlane.close();
        if (predecessor != null) {
            predecessor.close();
        }
    }

    private final class Giver implements Offer.Giver {
        @Override
        public List<Sockets.Held> park() {
            synchronized (NodeProcess.this) {
                endWork();
                dataPlane.park();
                return dataPlane.sockets().open();
            }
        }

        @Override
        public void resume() {
            synchronized (NodeProcess.this) {
                if (closed) {
                    return;
                }
                try {
                    begin();
                    LOG.info("node serving again");
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    left.complete(null);
                } catch (RuntimeException e) {
                    LOG.error("node cannot go on, it ends: {}", e.getMessage(), e);
                    left.complete(null);
                }
            }
        }

        @Override
        public void leave() {
            dataPlane.drain();
            left.complete(null);
        }
    }
}
