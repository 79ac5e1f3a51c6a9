package dev.drover.controlplane.api;

import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.TlsKeyPair;
import com.linecorp.armeria.common.util.EventLoopGroups;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.Route;
import com.linecorp.armeria.server.Server;
import com.linecorp.armeria.server.ServerBuilder;
import com.linecorp.armeria.server.ServerPort;
import com.linecorp.armeria.server.ServiceRequestContext;
import com.linecorp.armeria.server.file.FileService;
import dev.drover.controlplane.compose.StackParser;
import dev.drover.controlplane.repository.LiveState;
import dev.drover.controlplane.repository.Repository;
import dev.drover.controlplane.security.Accounts;
import dev.drover.controlplane.security.JoinTokens;
import dev.drover.controlplane.security.ServerKey;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import io.netty.channel.EventLoopGroup;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** The HTTP server: one set of routes on an HTTPS port and on a plain loopback port. */
public final class ApiServer implements AutoCloseable {
    private static final int EVENT_LOOPS = 2;
    private static final long MAX_BODY_BYTES = 1 << 20;
    private static final int MAX_CONNECTIONS = 20_000;
    private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(30);
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(5);
    private static final String CONTENT_SECURITY_POLICY = "default-src 'none'; script-src 'self'; style-src 'self';"
            + " img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
            + " frame-ancestors 'none'";

    private final Server server;
    private final WatchHub hub;
    private final EventLoopGroup eventLoops = EventLoopGroups.newEventLoopGroup(EVENT_LOOPS, "api");
    private final ExecutorService handlers = Executors.newVirtualThreadPerTaskExecutor();
    private final InetSocketAddress https;
    private final InetSocketAddress plain;

    /**
     * What the API works on.
     *
     * @param link serves {@code /v1/link}
     * @param version of the server, shown in the OpenAPI document
     */
    public record Parts(
            Repository repository,
            LiveState live,
            Accounts accounts,
            JoinTokens joinTokens,
            StackParser parser,
            HttpService link,
            PrometheusRegistry registry,
            String version) {}

    /**
     * Binds both ports and serves.
     *
     * @param https port 0 for any
     * @param plain a loopback address; port 0 for any
     * @throws IllegalStateException when a port cannot be bound; names the address
     */
    public ApiServer(Parts parts, ServerKey key, InetSocketAddress https, InetSocketAddress plain) {
        hub = new WatchHub(parts.repository(), parts.live());
        Metrics metrics = new Metrics(parts.registry(), parts.repository(), parts.live(), hub);
        Authentication authentication = new Authentication(parts.accounts());
        List<Operation> operations = operations(parts, https);

        ServerBuilder builder = Server.builder()
                .https(https)
                .http(plain)
                .tls(TlsKeyPair.of(key.privateKey(), key.certificate()))
                .workerGroup(eventLoops, false)
                .meterRegistry(new CompositeMeterRegistry())
                .maxRequestLength(MAX_BODY_BYTES)
                .maxNumConnections(MAX_CONNECTIONS)
                .requestTimeout(REQUEST_TIMEOUT)
                .gracefulShutdownTimeout(Duration.ZERO, STOP_TIMEOUT)
                .disableServerHeader()
                .errorHandler(new Errors())
                // which logs what went wrong inside; the library would log every refusal, with a trace
                .unloggedExceptionsReportInterval(Duration.ZERO)
                .decorator(metrics::count)
                .decorator(ApiServer::secured);
        for (Operation operation : operations) {
            builder.service(
                    Route.builder()
                            .methods(operation.method())
                            .path(operation.path())
                            .build(),
                    new RestService(operation, authentication, handlers));
        }
        builder.service("/v1/watch", WatchService.create(hub, authentication))
                .service("/v1/link", parts.link())
                .service("/metrics", (context, request) -> {
                    authentication.require(request.headers(), false);
                    return metrics.scrape();
                })
                .serviceUnder("/v1/", new UnknownPath(operations))
                .serviceUnder("/", FileService.of(ApiServer.class.getClassLoader(), "/ui"));
        server = builder.build();
        start(https, plain);
        this.https = bound(true);
        this.plain = bound(false);
    }

    private List<Operation> operations(Parts parts, InetSocketAddress https) {
        Repository repository = parts.repository();
        LiveState live = parts.live();
        Lookup lookup = new Lookup(repository);
        List<Operation> operations = new ArrayList<>();
        operations.addAll(new SessionResource(parts.accounts()).operations());
        operations.addAll(new EnvironmentResource(repository, live, lookup, parts.joinTokens(), () -> serverUrl(https))
                .operations());
        operations.addAll(new PolicyResource(repository, lookup).operations());
        operations.addAll(new FlowResource(repository, live, lookup).operations());
        operations.addAll(new CertificateResource(repository, lookup).operations());
        operations.addAll(new HostResource(repository, live, lookup, parts.joinTokens()).operations());
        operations.addAll(new StackResource(repository, live, lookup, parts.parser()).operations());
        operations.addAll(new ServiceResource(repository, live, lookup).operations());
        operations.add(Operation.get("/healthz", "Whether the server serves", Health.class, call -> new Health("ok"))
                .withoutToken());
        Map<String, Object> document = new LinkedHashMap<>();
        operations.add(Operation.get("/v1/openapi.json", "This document", Map.class, call -> document)
                .withoutToken());
        document.putAll(OpenApi.document(operations, parts.version()));
        return List.copyOf(operations);
    }

    record Health(String status) {}

    private String serverUrl(InetSocketAddress https) {
        return "https://" + Addresses.reachable(https.getAddress()) + ":" + this.https.getPort();
    }

    private void start(InetSocketAddress https, InetSocketAddress plain) {
        try {
            server.start().join();
        } catch (CompletionException e) {
            close();
            throw new IllegalStateException(
                    "listen: " + https + " or " + plain + " cannot be bound: " + e.getCause()
                            + " (expected: free ports of addresses of this machine)",
                    e);
        }
    }

    private InetSocketAddress bound(boolean tls) {
        return server.activePorts().values().stream()
                .filter(port -> port.hasTls() == tls)
                .map(ServerPort::localAddress)
                .findFirst()
                .orElseThrow();
    }

    /** Headers for every answer, so that a browser takes nothing of it for anything else. */
    private static HttpResponse secured(HttpService delegate, ServiceRequestContext context, HttpRequest request)
            throws Exception {
        context.mutateAdditionalResponseHeaders(
                headers -> headers.set(HttpHeaderNames.CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)
                        .set(HttpHeaderNames.X_CONTENT_TYPE_OPTIONS, "nosniff")
                        .set(HttpHeaderNames.X_FRAME_OPTIONS, "DENY")
                        .set(HttpHeaderNames.REFERRER_POLICY, "no-referrer"));
        return delegate.serve(context, request);
    }

    public InetSocketAddress https() {
        return https;
    }

    public InetSocketAddress plain() {
        return plain;
    }

    /** Routes as {@code METHOD /path}, as they are really served; for the check of the OpenAPI document. */
    List<String> routes() {
        return server.serviceConfigs().stream()
                .flatMap(config -> config.route().methods().stream()
                        .map(method -> method + " " + config.route().patternString()))
                .toList();
    }

    /** Closes the watches, lets running requests finish, at most five seconds. */
    @Override
    public void close() {
        hub.close();
        server.close();
        eventLoops
                .shutdownGracefully(0, STOP_TIMEOUT.toSeconds(), TimeUnit.SECONDS)
                .awaitUninterruptibly();
        handlers.close();
    }

    /** Everything under /v1/ that is no operation. */
    private record UnknownPath(List<Operation> operations) implements HttpService {
        @Override
        public HttpResponse serve(ServiceRequestContext context, HttpRequest request) {
            List<String> methods = operations.stream()
                    .filter(operation -> context.path().matches(operation.path().replaceAll("\\{\\w+}", "[^/]+")))
                    .map(operation -> operation.method().name())
                    .toList();
            return methods.isEmpty()
                    ? Errors.answer(
                            HttpStatus.NOT_FOUND, "path: " + context.path() + " (expected: one of /v1/openapi.json)")
                    : Errors.answer(
                            HttpStatus.METHOD_NOT_ALLOWED,
                            "method: " + context.method() + " (expected: " + String.join(", ", methods) + ")");
        }
    }
}
