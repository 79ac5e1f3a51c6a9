package dev.drover.controlplane.links;

import com.linecorp.armeria.server.Server;
import dev.drover.controlplane.Samples;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.LiveState;
import dev.drover.controlplane.repository.Repository;
import dev.drover.controlplane.schedule.Controller;
import dev.drover.controlplane.schedule.ScheduleConfig;
import dev.drover.controlplane.store.MemoryStore;
import dev.drover.controlplane.store.Store;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.awaitility.Awaitility;

/** A control plane without its API: store, controller and a real server for the link on a free port of loopback. */
public final class LinkFixture implements AutoCloseable {
    public static final LinkConfig QUICK = new LinkConfig(200, 3_000, 5_000, 1_000, 256 << 10);
    public static final ScheduleConfig BRISK = new ScheduleConfig(50, 20, 60_000, 500, 30_000, 1_000);

    /** Keys of hosts that ever joined a fixture of this process, by host id; a restarted server must know them. */
    public final Map<String, String> keys = KEYS;

    private static final Map<String, String> KEYS = new ConcurrentHashMap<>();

    public final Store store;
    public final Repository repository;
    public final LiveState live = new LiveState();
    public final PrometheusRegistry registry = new PrometheusRegistry();
    public final LinkService links;
    public final Controller controller;
    private final Server server;
    private final List<FakeNode> nodes = new ArrayList<>();

    public LinkFixture() {
        this(new MemoryStore());
    }

    public LinkFixture(Store store) {
        Awaitility.setDefaultTimeout(Duration.ofSeconds(30)); // the machine may be busy
        this.store = store;
        repository = new Repository(store);
        if (repository.get(Kind.ENVIRONMENT, Samples.ENV).isEmpty()) {
            repository.update(tx -> tx.create(Kind.ENVIRONMENT, Samples.environment()));
        }
        links = new LinkService(repository, live, registry, QUICK, InstantSource.system());
        controller = Controller.start(repository, live, links, BRISK, InstantSource.system());
        server = Server.builder()
                .http(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .service("/v1/link", links.http())
                .build();
        server.start().join();
    }

    public int port() {
        return server.activeLocalPort();
    }

    /** A host with that number; not connected. */
    public FakeNode join(int n) {
        Samples.Joined joined = Samples.joined(n);
        keys.put(joined.host().id(), joined.key());
        repository.update(tx -> tx.create(Kind.HOST, joined.host()));
        return node(joined.host(), joined.key());
    }

    public FakeNode node(Host host, String key) {
        FakeNode node = new FakeNode(key, host.block());
        nodes.add(node);
        return node;
    }

    @Override
    public void close() {
        nodes.forEach(FakeNode::close);
        controller.close();
        links.close();
        server.stop(); // has no connections any more, and lets its acceptor idle for two seconds before it has stopped
        repository.close();
        store.close();
    }
}
