package dev.drover.controlplane.api;

import dev.drover.controlplane.api.Views.EnvironmentView;
import dev.drover.controlplane.model.Certificate;
import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.JoinToken;
import dev.drover.controlplane.model.Orchestrator;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Stack;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.LiveState;
import dev.drover.controlplane.repository.Repository;
import dev.drover.controlplane.repository.Transaction;
import dev.drover.controlplane.security.JoinTokens;
import dev.drover.controlplane.security.Secrets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Environments and the tokens that let hosts join them. */
final class EnvironmentResource {
    static final String ENVIRONMENTS_SCOPE = "environments";
    private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");
    private static final String DEFAULT_SUBNET = "10.42.0.0/16";
    private static final int DEFAULT_VNI = 1042;
    private static final int MAX_VNI = (1 << 24) - 1;
    private static final int DEFAULT_PORT = 4789;
    private static final int DEFAULT_BLOCK_PREFIX = 24;
    private static final int MIN_SUBNET_PREFIX = 8;

    /** A /29 holds the host's own address and five containers. */
    private static final int MAX_BLOCK_PREFIX = 29;

    private final Repository repository;
    private final LiveState live;
    private final Lookup lookup;
    private final JoinTokens joinTokens;
    private final Supplier<String> serverUrl;

    /**
     * @param orchestrator {@code cattle} when left out
     * @param subnet 10.42.0.0/16 when left out
     * @param vni the first free one from 1042 when left out
     * @param port 4789 when left out
     * @param blockPrefix 24 when left out, longer for a small subnet
     * @param encryption of the overlay; false when left out, and never changed
     */
    record NewEnvironment(
            String name,
            @Nullable String orchestrator,
            @Nullable String subnet,
            @Nullable Integer vni,
            @Nullable Integer port,
            @Nullable Integer blockPrefix,
            @Nullable Boolean encryption) {}

    record EnvironmentChange(String orchestrator) {}

    /** @param command what to run on a host to join it */
    record NewJoinToken(String token, String expiresAt, String command) {}

    /** @param serverUrl under which hosts reach this server */
    EnvironmentResource(
            Repository repository, LiveState live, Lookup lookup, JoinTokens joinTokens, Supplier<String> serverUrl) {
        this.repository = repository;
        this.live = live;
        this.lookup = lookup;
        this.joinTokens = joinTokens;
        this.serverUrl = serverUrl;
    }

    List<Operation> operations() {
        String one = "/v1/environments/{environment}";
        return List.of(
                Operation.list("/v1/environments", "List environments", EnvironmentView.class, call -> list()),
                Operation.create(
                        "/v1/environments",
                        "Create an environment",
                        NewEnvironment.class,
                        EnvironmentView.class,
                        call -> create(call.body(NewEnvironment.class))),
                Operation.get(one, "Get an environment", EnvironmentView.class, call -> view(lookup.environment(call))),
                Operation.put(
                        one,
                        "Change the orchestrator; refused while services run",
                        EnvironmentChange.class,
                        EnvironmentView.class,
                        this::change),
                Operation.delete(one, "Delete an environment without hosts and stacks", this::delete),
                Operation.create(
                        one + "/join-tokens",
                        "Create a token that lets hosts join",
                        null,
                        NewJoinToken.class,
                        this::createJoinToken));
    }

    private List<EnvironmentView> list() {
        return repository.list(Kind.ENVIRONMENT).stream()
                .map(this::view)
                .sorted(Comparator.comparing(EnvironmentView::name))
                .toList();
    }

    private EnvironmentView view(Environment environment) {
        return Picture.of(repository, live, environment.id(), Set.of(Kind.HOST, Kind.STACK))
                .environment(environment.id())
                .orElseThrow(() -> ApiException.notFound("environment", environment.name()));
    }

    private EnvironmentView create(NewEnvironment wanted) {
        if (!NAME.matcher(wanted.name()).matches()) {
            throw ApiException.invalid(
                    "name",
                    "name: " + wanted.name()
                            + " (expected: 1 to 63 lower-case letters, digits and hyphens, no hyphen at either end)");
        }
        requireAvailable(orchestrator(wanted.orchestrator() == null ? "cattle" : wanted.orchestrator()));
        Ipv4Prefix subnet = subnet(wanted.subnet() == null ? DEFAULT_SUBNET : wanted.subnet());
        int blockPrefix = wanted.blockPrefix() == null
                ? Math.max(DEFAULT_BLOCK_PREFIX, Math.min(MAX_BLOCK_PREFIX, subnet.length() + 4))
                : wanted.blockPrefix();
        requireRange("blockPrefix", blockPrefix, subnet.length() + 1, MAX_BLOCK_PREFIX);
        int port = wanted.port() == null ? DEFAULT_PORT : wanted.port();
        requireRange("port", port, 1, 65_535);
        if (wanted.vni() != null) {
            requireRange("vni", wanted.vni(), 1, MAX_VNI);
        }
        Environment created = repository.transact(tx -> {
            tx.serialize(ENVIRONMENTS_SCOPE);
            List<Environment> others = tx.list(Kind.ENVIRONMENT);
            requireUnused(wanted, others);
            int vni = wanted.vni() == null ? freeVni(others) : wanted.vni();
            Environment environment = new Environment(
                    Secrets.newId("env"),
                    wanted.name(),
                    Orchestrator.CATTLE,
                    subnet.toString(),
                    vni,
                    port,
                    blockPrefix,
                    Boolean.TRUE.equals(wanted.encryption()),
                    null);
            tx.create(Kind.ENVIRONMENT, environment);
            return environment;
        });
        return view(created);
    }

    private static void requireUnused(NewEnvironment wanted, List<Environment> others) {
        for (Environment other : others) {
            if (other.name().equals(wanted.name())) {
                throw ApiException.conflict(
                        "name", "name: " + wanted.name() + " exists already (expected: another name)");
            }
            if (wanted.vni() != null && other.vni() == wanted.vni()) {
                throw ApiException.conflict(
                        "vni",
                        "vni: " + wanted.vni() + " is used by environment " + other.name()
                                + " (expected: another VNI, it keeps their packets apart)");
            }
        }
    }

    private static int freeVni(List<Environment> others) {
        Set<Integer> used = others.stream().map(Environment::vni).collect(Collectors.toSet());
        for (int vni = DEFAULT_VNI; vni <= MAX_VNI; vni++) {
            if (!used.contains(vni)) {
                return vni;
            }
        }
        throw ApiException.conflict(
                "vni", "vni: none is free above " + DEFAULT_VNI + " (expected: one in the request)");
    }

    private EnvironmentView change(Call call) {
        Environment found = lookup.environment(call);
        Orchestrator wanted = orchestrator(call.body(EnvironmentChange.class).orchestrator());
        repository.update(tx -> {
            tx.serialize(found.id());
            Environment environment = require(tx, found);
            if (environment.orchestrator() == wanted) {
                return;
            }
            List<String> running = tx.list(Kind.SERVICE, found.id()).stream()
                    .map(service -> "service " + service.stackName() + "/" + service.name())
                    .toList();
            if (!running.isEmpty()) {
                throw ApiException.blocked(
                        "orchestrator",
                        "orchestrator: cannot be changed while services run (expected: remove them first)",
                        running);
            }
            requireAvailable(wanted);
        });
        return view(found);
    }

    private @Nullable Object delete(Call call) {
        Environment found = lookup.environment(call);
        repository.update(tx -> {
            tx.serialize(ENVIRONMENTS_SCOPE);
            tx.serialize(found.id());
            Environment environment = require(tx, found);
            List<String> blockers = new ArrayList<>();
            for (Host host : tx.list(Kind.HOST, found.id())) {
                blockers.add("host " + host.name());
            }
            for (Stack stack : tx.list(Kind.STACK, found.id())) {
                blockers.add("stack " + stack.name() + (stack.removed() ? " (being removed)" : ""));
            }
            for (Service service : tx.list(Kind.SERVICE, found.id())) {
                if (service.removed()) {
                    blockers.add("service " + service.stackName() + "/" + service.name() + " (being removed)");
                }
            }
            if (!blockers.isEmpty()) {
                throw ApiException.blocked(
                        "environment",
                        "environment: " + found.name() + " is not empty (expected: remove these first)",
                        blockers);
            }
            for (JoinToken token : tx.list(Kind.JOIN_TOKEN, found.id())) {
                tx.delete(Kind.JOIN_TOKEN, token);
            }
            for (Certificate certificate : tx.list(Kind.CERTIFICATE, found.id())) {
                tx.delete(Kind.CERTIFICATE, certificate);
            }
            tx.delete(Kind.ENVIRONMENT, environment);
        });
        return null;
    }

    private NewJoinToken createJoinToken(Call call) {
        JoinTokens.Issued issued = joinTokens.create(lookup.environment(call));
        return new NewJoinToken(
                issued.text(),
                Instant.ofEpochMilli(issued.token().expiresAtMs()).toString(),
                "drover node --server " + serverUrl.get() + " --token " + issued.text());
    }

    private static Environment require(Transaction tx, Environment environment) {
        return tx.get(Kind.ENVIRONMENT, environment.id())
                .orElseThrow(() -> ApiException.notFound("environment", environment.name()));
    }

    private static Orchestrator orchestrator(String text) {
        return Arrays.stream(Orchestrator.values())
                .filter(each -> name(each).equals(text))
                .findFirst()
                .orElseThrow(() -> ApiException.invalid(
                        "orchestrator",
                        "orchestrator: " + text + " (expected: "
                                + Arrays.stream(Orchestrator.values())
                                        .map(EnvironmentResource::name)
                                        .collect(Collectors.joining(", "))
                                + ")"));
    }

    private static void requireAvailable(Orchestrator orchestrator) {
        if (orchestrator != Orchestrator.CATTLE) {
            throw ApiException.invalid(
                    "orchestrator",
                    "orchestrator: " + name(orchestrator) + " is not available in this version (expected: cattle)");
        }
    }

    private static String name(Orchestrator orchestrator) {
        return orchestrator.name().toLowerCase(Locale.ROOT);
    }

    private static Ipv4Prefix subnet(String text) {
        Ipv4Prefix subnet;
        try {
            subnet = Ipv4Prefix.parse(text);
        } catch (IllegalArgumentException e) {
            throw ApiException.invalid("subnet", "subnet: " + e.getMessage());
        }
        if (subnet.length() < MIN_SUBNET_PREFIX || subnet.length() >= MAX_BLOCK_PREFIX) {
            throw ApiException.invalid(
                    "subnet",
                    "subnet: " + text + " (expected: prefix length " + MIN_SUBNET_PREFIX + " to "
                            + (MAX_BLOCK_PREFIX - 1) + ")");
        }
        if (!Ipv4Prefix.usable(subnet.network()) || !Ipv4Prefix.usable(subnet.last())) {
            throw ApiException.invalid(
                    "subnet", "subnet: " + text + " (expected: unicast, not loopback and not link-local)");
        }
        return subnet;
    }

    private static void requireRange(String field, int value, int min, int max) {
        if (value < min || value > max) {
            throw ApiException.invalid(field, field + ": " + value + " (expected: " + min + " to " + max + ")");
        }
    }
}
