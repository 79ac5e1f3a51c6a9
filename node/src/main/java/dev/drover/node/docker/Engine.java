package dev.drover.node.docker;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.command.CreateContainerCmd;
import com.github.dockerjava.api.command.HealthState;
import com.github.dockerjava.api.command.InspectContainerResponse;
import com.github.dockerjava.api.exception.DockerException;
import com.github.dockerjava.api.exception.NotFoundException;
import com.github.dockerjava.api.exception.NotModifiedException;
import com.github.dockerjava.api.model.Container;
import com.github.dockerjava.api.model.ContainerConfig;
import com.github.dockerjava.api.model.Event;
import com.github.dockerjava.api.model.EventActor;
import com.github.dockerjava.api.model.EventType;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.core.DefaultDockerClientConfig;
import com.github.dockerjava.core.DockerClientImpl;
import com.github.dockerjava.zerodep.ZerodepDockerHttpClient;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One connection to a Docker engine, with the API version both sides know. Every call has a time limit, also when the
 * socket accepts and then stays silent. Safe for any thread; calls block and belong on virtual threads.
 */
public final class Engine implements AutoCloseable {
    private static final Duration CALL_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration PULL_TIMEOUT = Duration.ofMinutes(15);
    /** The newest API version the client's models were made for. */
    private static final int NEWEST_MINOR = 44;

    private static final String NEVER = "0001-01-01T00:00:00Z";
    private static final String[] ACTIONS = {
        "create",
        "start",
        "die",
        "stop",
        "kill",
        "destroy",
        "pause",
        "unpause",
        "rename",
        "update",
        "restart",
        "oom",
        "health_status"
    };

    private final String socket;
    private final String version;
    private final DockerClient client;
    private final ExecutorService calls = Executors.newVirtualThreadPerTaskExecutor();

    private Engine(String socket, String version, DockerClient client) {
        this.socket = socket;
        this.version = version;
        this.client = client;
    }

    /**
     * Connects and negotiates the API version.
     *
     * @param socket {@code unix:///path}
     * @throws EngineException when no engine answers there
     */
    public static Engine connect(String socket) {
        DockerClient unversioned = client(socket, null);
        Engine probe = new Engine(socket, "", unversioned);
        try (probe) {
            var answer = probe.call(
                    "version", CALL_TIMEOUT, () -> unversioned.versionCmd().exec());
            String api = Objects.requireNonNullElse(answer.getApiVersion(), "1." + NEWEST_MINOR);
            int minor = Integer.parseInt(api.substring(api.indexOf('.') + 1));
            return new Engine(
                    socket,
                    Objects.requireNonNullElse(answer.getVersion(), "unknown"),
                    client(socket, "1." + Math.min(minor, NEWEST_MINOR)));
        }
    }

    private static DockerClient client(String socket, @Nullable String apiVersion) {
        DefaultDockerClientConfig.Builder config = DefaultDockerClientConfig.createDefaultConfigBuilder()
                .withDockerHost(socket)
                .withDockerTlsVerify(false);
        if (apiVersion != null) {
            config.withApiVersion(apiVersion);
        }
        DefaultDockerClientConfig built = config.build();
        return DockerClientImpl.getInstance(
                built,
                new ZerodepDockerHttpClient.Builder()
                        .dockerHost(built.getDockerHost())
                        .connectionTimeout(CALL_TIMEOUT)
                        .build());
    }

    /** Version of the engine, such as {@code 20.10.24}. */
    public String version() {
        return version;
    }

    /** All containers, also those that do not run. */
    public List<Listed> list() {
        return call(
                "list containers",
                CALL_TIMEOUT,
                () -> client.listContainersCmd().withShowAll(true).exec().stream()
                        .map(Engine::listed)
                        .toList());
    }

    /** Ids of the containers of a service instance, see {@link Seen#instanceId}, also those that do not run. */
    public List<String> idsOfInstance(String instanceId) {
        return call(
                "list containers",
                CALL_TIMEOUT,
                () -> client
                        .listContainersCmd()
                        .withShowAll(true)
                        .withLabelFilter(Map.of(Labels.INSTANCE, instanceId))
                        .exec()
                        .stream()
                        .filter(container -> listed(container)
                                .names()
                                .contains(container.getLabels().get(Labels.NAME)))
                        .map(Container::getId)
                        .toList());
    }

    /** Null when there is no such container. */
    public @Nullable Seen inspect(String id) {
        Optional<Seen> found = call("inspect container", CALL_TIMEOUT, () -> {
            try {
                return Optional.of(seen(client.inspectContainerCmd(id).exec()));
            } catch (NotFoundException e) {
                return Optional.empty();
            }
        });
        return found.orElse(null);
    }

    /**
     * Follows the events that can change what this node knows of a container.
     *
     * @param sinceNanos epoch nanoseconds; the engine repeats what it has from there on
     * @param onEvent called on the stream's thread, in order
     * @param onEnd called once when the stream is over for any reason
     */
    public Closeable events(long sinceNanos, Consumer<EngineEvent> onEvent, Runnable onEnd) {
        return client.eventsCmd()
                .withSince(
                        String.format(Locale.ROOT, "%d.%09d", sinceNanos / 1_000_000_000L, sinceNanos % 1_000_000_000L))
                .withEventTypeFilter(EventType.CONTAINER)
                .withEventFilter(ACTIONS)
                .exec(new ResultCallback.Adapter<Event>() {
                    @Override
                    public void onNext(Event event) {
                        String id = event.getActor() == null
                                ? event.getId()
                                : event.getActor().getId();
                        if (id != null) {
                            onEvent.accept(new EngineEvent(
                                    named(id, event.getActor()),
                                    Objects.requireNonNullElse(event.getAction(), ""),
                                    Objects.requireNonNullElse(event.getTimeNano(), 0L),
                                    exitCode(event)));
                        }
                    }

                    @Override
                    public void onError(Throwable throwable) {
                        Engine.close(this);
                        onEnd.run();
                    }

                    @Override
                    public void onComplete() {
                        super.onComplete();
                        onEnd.run();
                    }
                });
    }

    private static Named named(String id, @Nullable EventActor actor) {
        Map<String, String> attributes = actor == null ? null : actor.getAttributes();
        return attributes == null
                ? new Named(id, "", Map.of())
                : new Named(id, attributes.getOrDefault("name", ""), attributes);
    }

    private static @Nullable Integer exitCode(Event event) {
        EventActor actor = event.getActor();
        Map<String, String> attributes = actor == null ? null : actor.getAttributes();
        String text = attributes == null ? null : attributes.get("exitCode");
        try {
            return text == null ? null : Integer.valueOf(text);
        } catch (NumberFormatException e) {
            return null; // another engine's idea of a code; inspect tells it
        }
    }

    private static void close(Closeable closeable) {
        try {
            closeable.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public boolean hasImage(String image) {
        return call("inspect image", CALL_TIMEOUT, () -> {
            try {
                client.inspectImageCmd(image).exec();
                return true;
            } catch (NotFoundException e) {
                return false;
            }
        });
    }

    /** Pulls from the registry the name says, with the credentials of {@code docker login}; waits until done. */
    public void pull(String image) {
        call(
                "pull image",
                PULL_TIMEOUT,
                () -> client.pullImageCmd(image)
                        .withTag(hasTag(image) ? "" : "latest")
                        .start()
                        .awaitCompletion());
    }

    private static boolean hasTag(String image) {
        return image.indexOf('@') >= 0 || image.lastIndexOf(':') > image.lastIndexOf('/');
    }

    /** Creates a container without starting it; {@code fill} sets everything but the image. Returns its id. */
    public String create(String image, Consumer<CreateContainerCmd> fill) {
        return call("create container", CALL_TIMEOUT, () -> {
            try (CreateContainerCmd command = client.createContainerCmd(image)) {
                fill.accept(command);
                return command.exec().getId();
            }
        });
    }

    /** Starts it; does nothing when it runs already. */
    public void start(String id) {
        call("start container", CALL_TIMEOUT.multipliedBy(3), () -> {
            try {
                client.startContainerCmd(id).exec();
            } catch (NotModifiedException e) {
                return false; // runs already
            }
            return true;
        });
    }

    /** Asks it to end, kills it after {@code timeoutSeconds}; does nothing when it is gone or does not run. */
    public void stop(String id, int timeoutSeconds) {
        call("stop container", CALL_TIMEOUT.plusSeconds(timeoutSeconds), () -> {
            try {
                client.stopContainerCmd(id).withTimeout(timeoutSeconds).exec();
            } catch (NotModifiedException | NotFoundException e) {
                return false; // stopped or gone already
            }
            return true;
        });
    }

    /** Removes it with its anonymous volumes, killing it if need be; does nothing when it is gone. */
    public void remove(String id) {
        call("remove container", CALL_TIMEOUT.multipliedBy(3), () -> {
            try {
                client.removeContainerCmd(id)
                        .withForce(true)
                        .withRemoveVolumes(true)
                        .exec();
            } catch (NotFoundException e) {
                return false; // gone already
            }
            return true;
        });
    }

    /** Runs {@code call} for at most {@code timeout}; then its socket is closed under it. */
    private <T> T call(String what, Duration timeout, Callable<T> call) {
        Future<T> result = calls.submit(call);
        try {
            return result.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
            throw new EngineException(what + ": " + reason(cause), cause);
        } catch (TimeoutException e) {
            result.cancel(true);
            throw new EngineException(
                    what + ": " + socket + " did not answer within " + timeout.toSeconds() + " s (expected: an answer)",
                    e);
        } catch (InterruptedException e) {
            result.cancel(true);
            Thread.currentThread().interrupt();
            throw new EngineException(what + ": interrupted", e);
        }
    }

    /** The engine's own words without its status line, or why there are none. */
    private String reason(Throwable cause) {
        if (cause instanceof DockerException refused) {
            String message = String.valueOf(refused.getMessage());
            int json = message.indexOf("{\"message\":\"");
            int end = message.lastIndexOf("\"}");
            return json >= 0 && end > json
                    ? message.substring(json + "{\"message\":\"".length(), end).replace("\\\"", "\"")
                    : message.strip();
        }
        if (cause instanceof EngineException || cause instanceof IllegalArgumentException) {
            return String.valueOf(cause.getMessage());
        }
        Throwable root = cause;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return socket + ": " + root.getMessage() + " (expected: a Docker engine listening there)";
    }

    private static Listed listed(Container container) {
        String[] names = Objects.requireNonNullElse(container.getNames(), new String[0]);
        return new Listed(
                container.getId(),
                Arrays.stream(names).map(Engine::withoutSlash).toList(),
                Objects.requireNonNullElse(container.getState(), ""),
                health(container.getStatus()));
    }

    private static Seen seen(InspectContainerResponse container) {
        InspectContainerResponse.ContainerState state = container.getState();
        ContainerConfig config = container.getConfig();
        HostConfig host = container.getHostConfig();
        String status = Objects.requireNonNullElse(state.getStatus(), "");
        String startedAt = NEVER.equals(state.getStartedAt()) ? null : state.getStartedAt();
        int pid = state.getPidLong() == null ? 0 : Math.toIntExact(state.getPidLong());
        Long exitCode = state.getExitCodeLong();
        String resolvConf = container.getResolvConfPath();
        return new Seen(
                container.getId(),
                withoutSlash(container.getName()),
                Objects.requireNonNullElse(config.getImage(), container.getImageId()),
                status,
                pid,
                container.getCreated(),
                startedAt,
                startedAt == null || pid > 0 || exitCode == null ? null : exitCode.intValue(),
                Objects.requireNonNullElse(config.getLabels(), Map.of()),
                host == null ? "default" : Objects.requireNonNullElse(host.getNetworkMode(), "default"),
                resolvConf == null || resolvConf.isEmpty() ? null : resolvConf,
                health(state.getHealth()));
    }

    private static @Nullable String health(@Nullable HealthState health) {
        String status = health == null ? null : health.getStatus();
        return status == null || status.isEmpty() || status.equals("none") ? null : status;
    }

    /** What {@code docker ps} says behind the time: {@code Up 5 minutes (unhealthy)}, {@code (health: starting)}. */
    static @Nullable String health(@Nullable String statusText) {
        for (String health : List.of("unhealthy", "healthy", "starting")) {
            if (statusText != null
                    && (statusText.endsWith("(" + health + ")") || statusText.endsWith(": " + health + ")"))) {
                return health;
            }
        }
        return null;
    }

    private static String withoutSlash(String name) {
        return name.startsWith("/") ? name.substring(1) : name;
    }

    @Override
    public void close() {
        calls.shutdownNow();
        close(client);
    }
}
