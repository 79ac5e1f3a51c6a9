package dev.drover.controlplane;

import dev.drover.controlplane.api.ApiServer;
import dev.drover.controlplane.compose.Compose;
import dev.drover.controlplane.links.LinkService;
import dev.drover.controlplane.repository.LiveState;
import dev.drover.controlplane.repository.Repository;
import dev.drover.controlplane.schedule.Controller;
import dev.drover.controlplane.security.Accounts;
import dev.drover.controlplane.security.JoinTokens;
import dev.drover.controlplane.security.ServerKey;
import dev.drover.controlplane.store.SqliteStore;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A running control plane. */
public final class ControlPlane implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ControlPlane.class);
    private static final String VERSION = "0.1.0";

    private final Deque<AutoCloseable> parts = new ArrayDeque<>();
    private final ApiServer api;
    private final String spkiPin;
    private final Optional<String> adminPassword;

    private ControlPlane(ServerConfig config) {
        try {
            SqliteStore store = opened(SqliteStore.open(config.stateDir()));
            Repository repository = opened(new Repository(store));
            LiveState live = new LiveState();
            InstantSource clock = InstantSource.system();
            ServerKey key = ServerKey.loadOrCreate(config.stateDir());
            spkiPin = key.spkiPin();
            Accounts accounts = new Accounts(repository, clock, System::nanoTime);
            PrometheusRegistry registry = new PrometheusRegistry();
            LinkService link = new LinkService(repository, live, registry);
            opened(Controller.start(repository, live, link));
            api = opened(new ApiServer(
                    new ApiServer.Parts(
                            repository,
                            live,
                            accounts,
                            new JoinTokens(repository, clock, spkiPin),
                            Compose.parser(),
                            link.http(),
                            registry,
                            VERSION),
                    key,
                    config.listen(),
                    config.ui()));
            opened(link); // closed first, so that no connection of a node keeps the server from stopping
            // Last: a start that fails, because a port is taken, must not use up the one chance to tell the password.
            adminPassword = accounts.createAdminIfNone();
        } catch (RuntimeException e) {
            closeAll(e);
            throw e;
        }
    }

    /**
     * Opens the store, binds both ports and serves. Blocks until all of that is done.
     *
     * @throws RuntimeException when the state directory is in use or damaged, or a port is taken; says which and what to
     *     do, and nothing is left running
     */
    public static ControlPlane start(ServerConfig config) {
        long beganNs = System.nanoTime();
        ControlPlane controlPlane = new ControlPlane(config);
        LOG.info(
                "control plane started https={} ui={} ms={}",
                controlPlane.httpsAddress(),
                controlPlane.uiAddress(),
                TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - beganNs));
        return controlPlane;
    }

    private <T extends AutoCloseable> T opened(T part) {
        parts.push(part);
        return part;
    }

    /** Where nodes and clients connect by TLS, with the port that was really bound. */
    public InetSocketAddress httpsAddress() {
        return api.https();
    }

    /** Plain HTTP for API and UI, on loopback. */
    public InetSocketAddress uiAddress() {
        return api.plain();
    }

    /** SHA-256 of the certificate's SubjectPublicKeyInfo, base64url: what nodes pin. */
    public String spkiPin() {
        return spkiPin;
    }

    /** Password of {@code admin}, at the very first start only; to be shown once and never logged. */
    public Optional<String> adminPassword() {
        return adminPassword;
    }

    /** Stops serving, then closes the store; what was acknowledged is on disk. */
    @Override
    public void close() {
        RuntimeException failure = new IllegalStateException("control plane: could not be closed cleanly");
        closeAll(failure);
        if (failure.getSuppressed().length > 0) {
            throw failure;
        }
    }

    private void closeAll(RuntimeException failure) {
        for (AutoCloseable part = parts.poll(); part != null; part = parts.poll()) {
            try {
                part.close();
            } catch (Exception e) {
                failure.addSuppressed(e);
            }
        }
    }
}
