package dev.drover.controlplane.api;

import dev.drover.controlplane.api.Views.HostView;
import dev.drover.controlplane.link.HostIdentity;
import dev.drover.controlplane.link.Join;
import dev.drover.controlplane.link.LinkCodec;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.LiveState;
import dev.drover.controlplane.repository.Repository;
import dev.drover.controlplane.repository.Transaction;
import dev.drover.controlplane.security.HostKeys;
import dev.drover.controlplane.security.JoinTokens;
import dev.drover.controlplane.security.Secrets;
import io.netty.util.NetUtil;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Hosts of an environment: joining, listing, removing. */
final class HostResource {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?");
    private static final int MAX_MACHINE_ID_LENGTH = 128;
    private static final int MAX_LABELS = 256;
    private static final int MAX_LABEL_LENGTH = 1024;
    private static final String ZONE = "rancher.internal";

    private final Repository repository;
    private final LiveState live;
    private final Lookup lookup;
    private final JoinTokens joinTokens;

    HostResource(Repository repository, LiveState live, Lookup lookup, JoinTokens joinTokens) {
        this.repository = repository;
        this.live = live;
        this.lookup = lookup;
        this.joinTokens = joinTokens;
    }

    List<Operation> operations() {
        String hosts = "/v1/environments/{environment}/hosts";
        return List.of(
                Operation.action(
                                "/v1/join",
                                "Join this host to the environment of a join token",
                                Join.Request.class,
                                Join.Response.class,
                                this::join)
                        .withoutToken(),
                Operation.list(
                        hosts,
                        "List hosts",
                        HostView.class,
                        call -> picture(lookup.environment(call)).hosts()),
                Operation.get(hosts + "/{host}", "Get a host", HostView.class, this::get),
                Operation.delete(
                        hosts + "/{host}",
                        "Remove a host: its key is revoked and its address block becomes free",
                        this::delete));
    }

    private Picture picture(Environment environment) {
        return Picture.of(repository, live, environment.id());
    }

    private HostView get(Call call) {
        Environment environment = lookup.environment(call);
        Host host = lookup.host(environment, call.path("host"));
        return picture(environment).host(host.id()).orElseThrow(() -> ApiException.notFound("host", host.name()));
    }

    private @Nullable Object delete(Call call) {
        Environment environment = lookup.environment(call);
        Host found = lookup.host(environment, call.path("host"));
        repository.update(tx -> {
            tx.serialize(environment.id());
            Host host = tx.get(Kind.HOST, environment.id(), found.id())
                    .orElseThrow(() -> ApiException.notFound("host", found.name()));
            for (Container container : tx.list(Kind.CONTAINER, environment.id(), host.id())) {
                tx.delete(Kind.CONTAINER, container);
            }
            for (Instance instance : tx.list(Kind.INSTANCE, environment.id())) {
                if (instance.hostId().equals(host.id())) {
                    tx.delete(Kind.INSTANCE, instance);
                }
            }
            tx.delete(Kind.HOST, host);
        });
        return null;
    }

    private Join.Response join(Call call) {
        Join.Request request = request(call);
        Environment environment = joinTokens.verify(request.token());
        return repository.transact(tx -> {
            tx.serialize(environment.id());
            if (tx.get(Kind.ENVIRONMENT, environment.id()).isEmpty()) {
                throw ApiException.notFound("environment", environment.name());
            }
            Host host = admit(tx, environment, request);
            String key = HostKeys.create(environment.id(), host.id());
            tx.put(
                    Kind.HOST,
                    new Host(
                            host.id(),
                            host.environmentId(),
                            host.name(),
                            host.machineId(),
                            host.vtep(),
                            host.labels(),
                            host.block(),
                            Secrets.hash(key),
                            host.facts()));
            return new Join.Response(identity(environment, host), key);
        });
    }

    /** The host as it will be stored, but for its key: a new one, or the same machine once more. */
    private Host admit(Transaction tx, Environment environment, Join.Request request) {
        List<Host> hosts = tx.list(Kind.HOST, environment.id());
        Optional<Host> same = hosts.stream()
                .filter(host -> host.name().equalsIgnoreCase(request.hostName()))
                .findFirst();
        same.ifPresent(host -> requireRejoinable(host, request));
        for (Host other : hosts) {
            if (other.name().equalsIgnoreCase(request.hostName())) {
                continue;
            }
            boolean v6 = other.vtep().contains(":");
            if (v6 != request.vtep().contains(":")) {
                throw ApiException.conflict(
                        "vtep",
                        "vtep: " + request.vtep() + " (expected: " + (v6 ? "IPv6" : "IPv4") + " as host " + other.name()
                                + " with " + other.vtep() + "; the hosts of an environment have one IP version)");
            }
            if (other.vtep().equals(request.vtep())) {
                throw ApiException.conflict(
                        "vtep",
                        "vtep: " + request.vtep() + " is used by host " + other.name()
                                + " (expected: an address of this host; if the host was renamed, remove the old one first)");
            }
        }
        if (same.isPresent()) {
            Host host = same.get();
            tx.get(Kind.HOST, environment.id(), host.id());
            return new Host(
                    host.id(),
                    host.environmentId(),
                    host.name(),
                    host.machineId(),
                    request.vtep(),
                    request.labels(),
                    host.block(),
                    "",
                    host.facts());
        }
        return new Host(
                Secrets.newId("host"),
                environment.id(),
                request.hostName(),
                request.machineId(),
                request.vtep(),
                request.labels(),
                freeBlock(environment, hosts),
                "",
                null);
    }

    private void requireRejoinable(Host host, Join.Request request) {
        if (!host.machineId().equals(request.machineId())) {
            throw ApiException.conflict(
                    "hostName",
                    "host: " + host.name()
                            + " already joined from another machine (expected: another name for this one,"
                            + " or remove the old host first)");
        }
        if (live.connected(host.id())) {
            throw ApiException.conflict(
                    "hostName",
                    "host: " + host.name()
                            + " already joined and is connected (expected: start the node without a token,"
                            + " or stop the running one, or remove the host first)");
        }
    }

    private static String freeBlock(Environment environment, List<Host> hosts) {
        Ipv4Prefix subnet = Ipv4Prefix.parse(environment.subnet());
        Set<String> leased = hosts.stream().map(Host::block).collect(Collectors.toSet());
        long blocks = subnet.blocks(environment.blockPrefix());
        for (long i = 0; i < blocks; i++) {
            String block = subnet.block(environment.blockPrefix(), i).toString();
            if (!leased.contains(block)) {
                return block;
            }
        }
        throw ApiException.conflict(
                "environment",
                "environment: " + environment.name() + " has no free address block, all " + blocks + " of "
                        + environment.subnet() + " are leased (expected: remove a host, or an environment with a larger"
                        + " subnet)");
    }

    private static HostIdentity identity(Environment environment, Host host) {
        return new HostIdentity(
                host.id(),
                host.name(),
                environment.id(),
                environment.name(),
                host.block(),
                environment.subnet(),
                environment.vni(),
                environment.port(),
                ZONE,
                environment.encryption());
    }

    /** Lenient to unknown fields as the link is: the node may be newer. */
    private static Join.Request request(Call call) {
        Join.Request request;
        try {
            request = LinkCodec.decode(call.bodyText(), Join.Request.class);
        } catch (IllegalArgumentException e) {
            throw ApiException.badRequest("body: (expected: token, hostName, machineId, vtep and labels)");
        }
        require("token", request.token());
        if (!NAME.matcher(require("hostName", request.hostName())).matches()) {
            throw ApiException.invalid(
                    "hostName",
                    "hostName: " + request.hostName()
                            + " (expected: 1 to 63 letters, digits, dots and hyphens, a letter or digit at either end)");
        }
        if (require("machineId", request.machineId()).isEmpty()
                || request.machineId().length() > MAX_MACHINE_ID_LENGTH) {
            throw ApiException.invalid(
                    "machineId", "machineId: (expected: 1 to " + MAX_MACHINE_ID_LENGTH + " characters)");
        }
        String vtep = vtep(require("vtep", request.vtep()));
        Map<String, String> labels = Objects.requireNonNullElse(request.labels(), Map.of());
        requireLabels(labels);
        return new Join.Request(request.token(), request.hostName(), request.machineId(), vtep, labels);
    }

    /** An underlay address in the one spelling it has. */
    private static String vtep(String text) {
        try {
            if (text.contains(":") ? isUsableV6(text) : Ipv4Prefix.usable(Ipv4Prefix.parseAddress(text))) {
                return NetUtil.toAddressString(InetAddress.ofLiteral(text));
            }
        } catch (IllegalArgumentException e) {
            throw ApiException.invalid("vtep", "vtep: " + e.getMessage());
        }
        throw ApiException.invalid("vtep", "vtep: " + text + " (expected: the host's unicast address, not loopback)");
    }

    private static boolean isUsableV6(String text) {
        return InetAddress.ofLiteral(text) instanceof Inet6Address address
                && !address.isAnyLocalAddress()
                && !address.isLoopbackAddress()
                && !address.isMulticastAddress()
                && !address.isLinkLocalAddress();
    }

    private static void requireLabels(Map<String, String> labels) {
        if (labels.size() > MAX_LABELS) {
            throw ApiException.invalid(
                    "labels", "labels: " + labels.size() + " (expected: at most " + MAX_LABELS + ")");
        }
        labels.forEach((key, value) -> {
            if (key.isEmpty()
                    || key.length() > MAX_LABEL_LENGTH
                    || value == null
                    || value.length() > MAX_LABEL_LENGTH) {
                throw ApiException.invalid(
                        "labels." + key,
                        "labels: (expected: keys and values of at most " + MAX_LABEL_LENGTH + " characters)");
            }
        });
    }

    private static String require(String field, @Nullable String value) {
        if (value == null) {
            throw ApiException.invalid(field, field + ": missing (expected: a string)");
        }
        return value;
    }
}
