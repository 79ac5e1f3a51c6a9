package dev.drover.node;

import dev.drover.node.admin.AdminServer;
import dev.drover.node.cli.CliException;
import dev.drover.node.config.NodeFile;
import dev.drover.node.docker.Engine;
import dev.drover.node.docker.EngineException;
import dev.drover.node.docker.Listed;
import dev.drover.node.state.Identity;
import dev.drover.node.state.StateDir;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Everything a running node holds, closed in the reverse order of its making, also when making it fails half-way. */
final class NodeProcess implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(NodeProcess.class);

    private final Deque<AutoCloseable> parts = new ArrayDeque<>();
    private final PrometheusRegistry metrics = new PrometheusRegistry();
    private Runnable reload = () -> {};

    private NodeProcess() {}

    /** The data plane from a file. */
    static NodeProcess ofFile(Path path, String text, NodeFile file) {
        NodeProcess process = new NodeProcess();
        return process.making(() -> {
            LiveDataPlane dataPlane = process.hold(LiveDataPlane.open(process.metrics));
            StaticNode node = process.hold(StaticNode.start(path, text, file, dataPlane));
            process.reload = node::reload;
            process.serveAdmin(file.admin(), dataPlane.tables(), dataPlane.questions());
            LOG.info("node serving file={}", path);
        });
    }

    /** A node that is, or becomes, a member of an environment. */
    static NodeProcess ofMember(Path directory, Membership.Wish wish, NodeOptions options) throws InterruptedException {
        String socket = options.socket();
        InetSocketAddress admin = options.adminAddress();
        var syncInterval = options.syncInterval();
        NodeProcess process = new NodeProcess();
        StateDir stateDir = process.openState(directory);
        if (stateDir.hasIdentity()) {
            Thread.ofPlatform().daemon().name("engine-warm-up").start(() -> warmUp(socket));
        }
        Identity identity;
        try {
            identity = Membership.of(stateDir, wish, () -> Requirements.checkEngine(socket));
        } catch (InterruptedException | RuntimeException e) {
            process.close();
            throw e;
        }
        return process.making(() -> {
            LiveDataPlane dataPlane = process.hold(LiveDataPlane.open(process.metrics));
            ManagedNode node = process.hold(new ManagedNode(stateDir, identity, dataPlane, socket, syncInterval));
            NodeMetrics.register(process.metrics, node);
            node.start();
            Map<String, Supplier<Object>> tables = new HashMap<>(dataPlane.tables());
            tables.put("/node", node::status);
            tables.put("/containers", node::facts);
            process.serveAdmin(admin, tables, dataPlane.questions());
        });
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

    private StateDir openState(Path directory) {
        try {
            return hold(StateDir.open(directory));
        } catch (IOException e) {
            throw new CliException(
                    "state-dir: " + directory + ": " + e.getMessage() + " (expected: a directory that can be written)",
                    e);
        }
    }

    private NodeProcess making(Runnable make) {
        try {
            make.run();
            return this;
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private <T extends AutoCloseable> T hold(T part) {
        parts.push(part);
        return part;
    }

    private void serveAdmin(
            @Nullable InetSocketAddress address,
            Map<String, Supplier<Object>> tables,
            Map<String, AdminServer.Question> questions) {
        if (address != null) {
            hold(AdminServer.start(address, metrics, tables, questions));
        }
    }

    /** Applies the file again; nothing for a member. */
    void reload() {
        reload.run();
    }

    @Override
    public void close() {
        while (!parts.isEmpty()) {
            try {
                parts.pop().close();
            } catch (Exception e) {
                LOG.warn("close failed: {}", e.toString());
            }
        }
    }
}
