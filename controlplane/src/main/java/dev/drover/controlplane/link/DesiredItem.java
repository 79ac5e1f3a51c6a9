package dev.drover.controlplane.link;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One entry of a node's desired state, stored under a key that is unique for the node. A node's desired state is a map
 * from key to item; the control plane sends only the entries that changed.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
    @JsonSubTypes.Type(value = DesiredItem.Peer.class, name = "peer"),
    @JsonSubTypes.Type(value = DesiredItem.Neighbour.class, name = "neighbour"),
    @JsonSubTypes.Type(value = DesiredItem.Name.class, name = "name"),
    @JsonSubTypes.Type(value = DesiredItem.Service.class, name = "service"),
    @JsonSubTypes.Type(value = DesiredItem.Workload.class, name = "workload"),
    @JsonSubTypes.Type(value = DesiredItem.Listener.class, name = "listener"),
    @JsonSubTypes.Type(value = DesiredItem.Certificate.class, name = "certificate"),
    @JsonSubTypes.Type(value = DesiredItem.Policy.class, name = "policy"),
    @JsonSubTypes.Type(value = DesiredItem.Member.class, name = "member"),
    @JsonSubTypes.Type(value = DesiredItem.Linked.class, name = "linked"),
    @JsonSubTypes.Type(value = DesiredItem.AboutHost.class, name = "about-host"),
    @JsonSubTypes.Type(value = DesiredItem.AboutService.class, name = "about-service"),
    @JsonSubTypes.Type(value = DesiredItem.AboutContainer.class, name = "about-container")
})
public sealed interface DesiredItem {

    /**
     * Another host of the environment; key {@code peer/HOST_ID}.
     *
     * @param vtep underlay address of that host
     * @param block address block leased to it, {@code a.b.c.d/n}
     * @param publicKey of its tunnel endpoint, null while it has told none; in an encrypted environment it cannot be
     *     reached until it has
     */
    record Peer(
            String hostId,
            String vtep,
            String block,
            @Nullable String publicKey) implements DesiredItem {

        /** Without a key. */
        public Peer(String hostId, String vtep, String block) {
            this(hostId, vtep, block, null);
        }
    }

    /**
     * A container of another host; key {@code neighbour/ADDRESS}. Lets ARP be answered without asking that host.
     *
     * @param mac {@code aa:bb:cc:dd:ee:ff}
     * @param revision store revision of the fact; an entry is only deleted by an exact match
     */
    record Neighbour(String address, String mac, String hostId, long revision) implements DesiredItem {}

    /**
     * What a name says; key {@code name/NAME}.
     *
     * @param name relative to the zone, lower case: {@code httpserver.hello} or {@code web1}
     * @param addresses of what runs and is not known to be unhealthy
     * @param more null when there is nothing else to say
     */
    record Name(
            String name, List<String> addresses, @Nullable Endpoints more) implements DesiredItem {

        /** With nothing else to say. */
        public Name(String name, List<String> addresses) {
            this(name, addresses, null);
        }
    }

    /**
     * What else a name of a service says.
     *
     * @param unhealthy addresses that are given when there is no other
     * @param containers names of the containers of the addresses and then of the unhealthy ones; empty when they have none
     * @param ports {@code 8000/tcp}, on which they listen
     * @param hostname full name outside that this one is an alias of, null for none
     */
    record Endpoints(
            List<String> unhealthy,
            List<String> containers,
            List<String> ports,
            @Nullable String hostname) {}

    /**
     * How the containers of a service see names; key {@code service/ID}.
     *
     * @param name lower case, as {@code stack} and every other name here
     * @param primary service whose sidekick it is, else its own name
     * @param sidekicks services of the same stack that belong to it
     * @param links name in the eyes of its containers to {@code stack/service} or {@code container:NAME}
     */
    record Service(String name, String stack, String primary, List<String> sidekicks, Map<String, String> links)
            implements DesiredItem {}

    /**
     * A service container this host must run; key {@code workload/INSTANCE_ID}. An instance that disappears from the
     * desired state must be removed from the host.
     *
     * @param containerName Docker name of the container
     * @param dnsSearch search list of its resolv.conf, most specific first
     */
    record Workload(String instanceId, String containerName, ContainerSpec spec, List<String> dnsSearch)
            implements DesiredItem {}

    /**
     * A listener of a load balancer service; key {@code listener/SERVICE_ID/PORT}.
     *
     * @param port port on every address of the host
     * @param protocol {@code http}; {@code grpc}, which is HTTP with targets that speak HTTP/2 and clients that may; {@code tcp};
     *     {@code udp}; or {@code sni}, TLS that ends at the targets, routed by the server name
     * @param targets where everything goes, when there are no {@code routes}
     * @param routes which requests go where; null or empty for one route of everything to {@code targets}
     * @param tls null for none
     * @param limits as a node file says them, {@code limits.body-bytes}, times in milliseconds; null for none
     * @param accessLog {@code json} or {@code combined}; null for none
     */
    record Listener(
            String name,
            int port,
            String protocol,
            String balance,
            List<Target> targets,
            @Nullable List<Route> routes,
            @Nullable Tls tls,
            @Nullable Map<String, Long> limits,
            @Nullable String accessLog)
            implements DesiredItem {

        /** Served as usual. */
        public Listener(
                String name,
                int port,
                String protocol,
                String balance,
                List<Target> targets,
                @Nullable List<Route> routes,
                @Nullable Tls tls) {
            this(name, port, protocol, balance, targets, routes, tls, null, null);
        }

        /** Without TLS. */
        public Listener(
                String name,
                int port,
                String protocol,
                String balance,
                List<Target> targets,
                @Nullable List<Route> routes) {
            this(name, port, protocol, balance, targets, routes, null);
        }

        /** Everything to {@code targets}. */
        public Listener(String name, int port, String protocol, String balance, List<Target> targets) {
            this(name, port, protocol, balance, targets, null, null);
        }
    }

    /**
     * TLS of a {@link Listener}.
     *
     * @param certificates names of {@link Certificate} items; the first is for clients that ask for none of theirs
     * @param strict whether there is no such first one: these clients are refused
     */
    record Tls(List<String> certificates, boolean strict) {}

    /**
     * A certificate with its key; key {@code certificate/NAME}. Only nodes that need it get it.
     *
     * @param certificate PEM, with its chain
     * @param key PEM, PKCS #8
     */
    record Certificate(String name, String certificate, String key) implements DesiredItem {
        /** Without the key, wherever it may be shown. */
        @Override
        public String toString() {
            return "Certificate[" + name + "]";
        }
    }

    /**
     * How the targets of a {@link Route} are asked whether they are well.
     *
     * @param path of a GET; null for a mere connect
     */
    record HealthCheck(int port, @Nullable String path, long intervalMs, long timeoutMs, int rise, int fall) {}

    /**
     * Which requests of a {@link Listener} go to which targets.
     *
     * @param hostname null for any
     * @param path null for any
     * @param priority lower is asked first; null to go by how exact the conditions are
     * @param stickyCookie null for none
     * @param health null to take targets for well
     * @param cookie of {@code stickyCookie}; null for the usual
     * @param targetTls null for none
     */
    record Route(
            @Nullable String hostname,
            @Nullable String path,
            @Nullable Integer priority,
            @Nullable String stickyCookie,
            List<Target> targets,
            @Nullable HealthCheck health,
            @Nullable Cookie cookie,
            @Nullable TargetTls targetTls) {

        /** With the usual cookie, without TLS. */
        public Route(
                @Nullable String hostname,
                @Nullable String path,
                @Nullable Integer priority,
                @Nullable String stickyCookie,
                List<Target> targets,
                @Nullable HealthCheck health) {
            this(hostname, path, priority, stickyCookie, targets, health, null, null);
        }

        /** Without a health check. */
        public Route(
                @Nullable String hostname,
                @Nullable String path,
                @Nullable Integer priority,
                @Nullable String stickyCookie,
                List<Target> targets) {
            this(hostname, path, priority, stickyCookie, targets, null);
        }
    }

    /**
     * Which answers of a {@link Route} set its cookie, and who gets it.
     *
     * @param domain of the hosts that get it; null for the one asked alone
     */
    record Cookie(@Nullable String domain, boolean postOnly) {}

    /**
     * TLS with the targets of a {@link Route}.
     *
     * @param pins {@code sha256/BASE64}; empty for an authority that the host trusts
     * @param name in the target's certificate; null for its address
     */
    record TargetTls(List<String> pins, @Nullable String name, boolean verify) {}

    /**
     * A target of a {@link Listener}.
     *
     * @param address {@code a.b.c.d:port}
     * @param draining takes no new requests; the node reports when none are left
     * @param weight share of the requests; null is 1
     */
    record Target(
            String instanceId,
            String address,
            boolean draining,
            @Nullable Integer weight) {

        /** Of weight 1. */
        public Target(String instanceId, String address, boolean draining) {
            this(instanceId, address, draining, null);
        }
    }

    /**
     * Which containers may begin to speak with which; key {@code policy}, absent where everything is allowed. Without a
     * rule that fits, and for an address that is no {@link Member}, the default holds; hosts are exempt.
     *
     * @param kinds of groups in words, at most 15
     * @param rules in their order, at most 64
     */
    record Policy(boolean allowByDefault, List<String> kinds, List<PolicyRule> rules) implements DesiredItem {}

    /**
     * One rule of a {@link Policy}.
     *
     * @param from number of a kind, in which the sender is in a group
     * @param to number of a kind, in which the receiver is in a group
     * @param same whether both have to be in the same group of the kind; then {@code from} and {@code to} are one
     * @param text for people
     * @param linked true when the sender's group of the kind has to be {@link Linked} to the receiver's; then {@code from}
     *     and {@code to} are one. Null is false
     */
    record PolicyRule(
            int from,
            int to,
            boolean same,
            boolean allow,
            String text,
            @Nullable Boolean linked) {

        /** About the same group, or any of two kinds. */
        public PolicyRule(int from, int to, boolean same, boolean allow, String text) {
            this(from, to, same, allow, text, null);
        }
    }

    /**
     * A container that a {@link Policy} may be about, of any host; key {@code member/ADDRESS}.
     *
     * @param groups name of its group of each kind, empty for none
     */
    record Member(String address, String name, List<String> groups) implements DesiredItem {}

    /**
     * A group of a {@link Policy} that is linked to another, for rules about linked groups; key {@code linked/FROM>TO}. What is
     * in {@code from} may begin, what is in {@code to} may answer.
     */
    record Linked(String from, String to) implements DesiredItem {}

    /**
     * What containers may be told of a host of the environment, the node's own among them; key {@code about/host/ID}.
     *
     * @param agentIp underlay address
     * @param cpus 0 before the host has told
     * @param memoryBytes 0 before the host has told
     */
    record AboutHost(String hostId, String name, String agentIp, Map<String, String> labels, int cpus, long memoryBytes)
            implements DesiredItem {}

    /**
     * What containers may be told of a service; key {@code about/service/ID}. Nothing that its containers are started
     * with is in it, since that is where people keep secrets.
     *
     * @param type as Rancher calls it: {@code service}, {@code loadBalancerService}, {@code externalService} or {@code
     *     dnsService}
     * @param ports published, {@code host:container/proto}
     * @param links {@code stack/service} to the name by which this service knows it
     * @param sidekicks names of services of the same stack
     * @param hostname of an external service, null for none
     * @param balancing rules of a load balancer, empty for others
     * @param metadata what the stack's file says under {@code metadata}; null for nothing
     */
    record AboutService(
            String serviceId,
            String stackId,
            String stack,
            String name,
            String type,
            int scale,
            List<String> ports,
            List<String> expose,
            Map<String, String> labels,
            Map<String, String> links,
            List<String> sidekicks,
            List<String> externalIps,
            @Nullable String hostname,
            List<Balancing> balancing,
            @Nullable Map<String, Object> metadata)
            implements DesiredItem {}

    /**
     * One rule of a load balancer, as containers may be told of it.
     *
     * @param service {@code stack/service}
     */
    record Balancing(
            int sourcePort,
            String protocol,
            String service,
            int targetPort,
            @Nullable String hostname,
            @Nullable String path,
            @Nullable Integer priority,
            @Nullable Integer weight) {}

    /**
     * What containers may be told of a container in the overlay, the node's own among them; key {@code
     * about/container/DOCKER_ID}.
     *
     * @param state {@code running} or {@code paused}
     * @param health starting, healthy or unhealthy; null without a check
     * @param labels those that fit into a bound
     * @param serviceId null for a container that belongs to none
     * @param index within the service; 0 for none
     */
    record AboutContainer(
            String dockerId,
            String hostId,
            String name,
            String address,
            @Nullable String mac,
            String state,
            @Nullable String health,
            Map<String, String> labels,
            @Nullable String serviceId,
            int index)
            implements DesiredItem {}

    /**
     * What a service container is made of; the subset of docker-compose this version runs.
     *
     * @param command null for the default of the image
     * @param entrypoint null for the default of the image
     * @param ports published ports, {@code host:container/proto}
     */
    record ContainerSpec(
            String image,
            @Nullable List<String> command,
            @Nullable List<String> entrypoint,
            Map<String, String> environment,
            Map<String, String> labels,
            boolean tty,
            boolean stdinOpen,
            @Nullable String workingDir,
            @Nullable String user,
            @Nullable String hostname,
            List<String> volumes,
            List<String> ports,
            boolean privileged,
            List<String> capAdd,
            @Nullable Long memoryBytes) {
        public ContainerSpec {
            environment = Map.copyOf(environment);
            labels = Map.copyOf(labels);
            volumes = List.copyOf(volumes);
            ports = List.copyOf(ports);
            capAdd = List.copyOf(capAdd);
        }
    }
}
