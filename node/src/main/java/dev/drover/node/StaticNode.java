package dev.drover.node;

import dev.drover.node.config.ConfigException;
import dev.drover.node.config.NodeFile;
import dev.drover.node.config.NodeFileParser;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The data plane from a file, without control plane and Docker. A changed file is applied as a whole or refused with the
 * reason; then what runs goes on.
 */
final class StaticNode implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(StaticNode.class);

    private final Path path;
    private final DataPlane dataPlane;
    private final FileWatch watch;
    private NodeFile running;

    private StaticNode(Path path, String text, NodeFile file, DataPlane dataPlane) {
        this.path = path;
        this.dataPlane = dataPlane;
        running = file;
        watch = new FileWatch(path, text, this::onChange);
    }

    /**
     * Applies the file and watches it.
     *
     * @throws IllegalStateException when something of it cannot be served on this host
     */
    static StaticNode start(Path path, String text, NodeFile file, DataPlane dataPlane) {
        Map<String, String> problems = dataPlane.apply(file.overlay(), file.dns(), file.lb());
        if (!problems.isEmpty()) {
            throw new IllegalStateException(path + ": " + describe(problems));
        }
        StaticNode node = new StaticNode(path, text, file, dataPlane);
        node.watch.start();
        return node;
    }

    /** Applies the file again, as at SIGHUP. Any thread. */
    void reload() {
        watch.force();
    }

    private void onChange(String text) {
        NodeFile next;
        try {
            next = NodeFileParser.parse(path.toString(), text);
        } catch (ConfigException e) {
            LOG.error("config refused, the running state stays: {}", e.getMessage());
            return;
        }
        if (!Objects.equals(next.admin(), running.admin())) {
            LOG.warn("admin: a changed address is used from the next start on");
        }
        if (!Objects.equals(next.handover(), running.handover())) {
            LOG.warn("handover: a changed path is used from the next start on");
        }
        Map<String, String> problems = dataPlane.apply(next.overlay(), next.dns(), next.lb());
        if (problems.isEmpty()) {
            running = next;
            LOG.info("config applied file={}", path);
            return;
        }
        dataPlane.apply(running.overlay(), running.dns(), running.lb());
        LOG.error("config refused, the running state stays: {}: {}", path, describe(problems));
    }

    private static String describe(Map<String, String> problems) {
        return problems.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .map(problem -> problem.getKey() + ": " + problem.getValue())
                .collect(Collectors.joining("; "));
    }

    @Override
    public void close() {
        watch.close();
    }
}
