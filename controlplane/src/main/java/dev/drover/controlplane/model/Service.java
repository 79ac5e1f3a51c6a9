package dev.drover.controlplane.model;

import com.fasterxml.jackson.annotation.JsonIgnore;
import dev.drover.controlplane.link.DesiredItem.ContainerSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What should run; key {@code services/ENVIRONMENT_ID/ID}.
 *
 * @param scale wanted number of instances; ignored when {@code global} (one on each host)
 * @param version grows with each change of {@code spec}; instances of another version are upgraded
 * @param spec null for what has no containers: a load balancer, which runs in the nodes themselves, and what is but a name
 * @param portRules what a load balancer listens on; of another service what load balancers that select it send there
 * @param nextIndex number the next instance gets; never reused
 * @param drainTimeoutMs how long an instance may finish its requests before it is stopped
 * @param removed true while its instances are being drained and removed; then the record is deleted
 * @param discovery null, as in older records, is {@link Discovery#NONE}
 * @param metadata what its containers and others may read of it by the metadata service, as JSON values; null for nothing
 * @param healthCheck null for none
 */
public record Service(
        String id,
        String environmentId,
        String stackId,
        String stackName,
        String name,
        Kind kind,
        int scale,
        boolean global,
        long version,
        @Nullable ContainerSpec spec,
        List<PortRule> portRules,
        Map<String, String> labels,
        int nextIndex,
        long drainTimeoutMs,
        boolean removed,
        @Nullable Discovery discovery,
        @Nullable Map<String, Object> metadata,
        @Nullable HealthCheck healthCheck) {

    /** Without metadata and health check. */
    public Service(
            String id,
            String environmentId,
            String stackId,
            String stackName,
            String name,
            Kind kind,
            int scale,
            boolean global,
            long version,
            @Nullable ContainerSpec spec,
            List<PortRule> portRules,
            Map<String, String> labels,
            int nextIndex,
            long drainTimeoutMs,
            boolean removed,
            @Nullable Discovery discovery) {
        this(
                id,
                environmentId,
                stackId,
                stackName,
                name,
                kind,
                scale,
                global,
                version,
                spec,
                portRules,
                labels,
                nextIndex,
                drainTimeoutMs,
                removed,
                discovery,
                null,
                null);
    }

    /** Without anything about names, too. */
    public Service(
            String id,
            String environmentId,
            String stackId,
            String stackName,
            String name,
            Kind kind,
            int scale,
            boolean global,
            long version,
            @Nullable ContainerSpec spec,
            List<PortRule> portRules,
            Map<String, String> labels,
            int nextIndex,
            long drainTimeoutMs,
            boolean removed) {
        this(
                id,
                environmentId,
                stackId,
                stackName,
                name,
                kind,
                scale,
                global,
                version,
                spec,
                portRules,
                labels,
                nextIndex,
                drainTimeoutMs,
                removed,
                null);
    }

    /** With another number of instances, or one on each host. */
    public Service withScale(int instances, boolean onEachHost) {
        return with(instances, onEachHost, version, spec, nextIndex, removed);
    }

    /** With another spec and, if that is a change at all, the next version. */
    public Service withSpec(ContainerSpec wanted) {
        return with(scale, global, wanted.equals(spec) ? version : version + 1, wanted, nextIndex, removed);
    }

    public Service withNextIndex(int index) {
        return with(scale, global, version, spec, index, removed);
    }

    public Service asRemoved() {
        return with(scale, global, version, spec, nextIndex, true);
    }

    private Service with(
            int instances,
            boolean onEachHost,
            long ofVersion,
            @Nullable ContainerSpec wanted,
            int index,
            boolean beingRemoved) {
        return new Service(
                id,
                environmentId,
                stackId,
                stackName,
                name,
                kind,
                instances,
                onEachHost,
                ofVersion,
                wanted,
                portRules,
                labels,
                index,
                drainTimeoutMs,
                beingRemoved,
                discovery,
                metadata,
                healthCheck);
    }

    /** The rules of a load balancer; empty for other services, whose rules are for those that select them. */
    @JsonIgnore
    public List<PortRule> listens() {
        return kind == Kind.LOAD_BALANCER ? portRules : List.of();
    }

    @JsonIgnore
    public Discovery names() {
        return discovery == null ? Discovery.NONE : discovery;
    }

    public enum Kind {
        SERVICE,
        LOAD_BALANCER,
        /** Something outside, by its addresses or its hostname. */
        EXTERNAL,
        /** Another name for the services it links to. */
        ALIAS;

        /** Whether it has containers of its own, which are scheduled, scaled and upgraded. */
        public boolean hasInstances() {
            return this == SERVICE;
        }
    }

    /**
     * Certificates of the environment, by name, for ports with TLS.
     *
     * @param certificates shown to those that ask for one of their names
     * @param fallback shown to all others; null refuses them
     */
    public record Tls(List<String> certificates, @Nullable String fallback) {
        public Tls {
            certificates = List.copyOf(certificates);
        }

        /** The fallback first, then the others, each once. */
        @JsonIgnore
        public List<String> all() {
            List<String> all = new ArrayList<>(certificates);
            if (fallback != null) {
                all.remove(fallback);
                all.addFirst(fallback);
            }
            return all;
        }
    }

    /**
     * How a load balancer serves, beside where requests go.
     *
     * @param limits {@link LbLimit#key} to value; what is missing is as in the nodes
     * @param accessLog {@code json} or {@code combined}; null for none
     * @param cookieDomain hosts that get the cookie of stickiness, too; null for the one asked alone
     * @param cookiePostOnly whether only answers to POST set that cookie
     */
    public record Serving(
            Map<String, Long> limits,
            @Nullable String accessLog,
            @Nullable String cookieDomain,
            boolean cookiePostOnly) {
        /** As the nodes do it by themselves. */
        public static final Serving USUAL = new Serving(Map.of(), null, null, false);

        public Serving {
            limits = Map.copyOf(limits);
        }
    }

    /**
     * TLS with the targets of a rule.
     *
     * @param pins {@code sha256/BASE64} of public keys of which a target must show one; empty for an authority that the hosts
     *     trust
     * @param name that the target's certificate must bear; null for its address
     * @param verify whether any of this is looked at
     */
    public record TargetTls(List<String> pins, @Nullable String name, boolean verify) {
        public TargetTls {
            pins = List.copyOf(pins);
        }
    }

    /**
     * How load balancers ask the containers of a service whether they are well.
     *
     * @param path that GET must answer with a status of 200 to 399; null for a mere connect
     * @param rise good answers in a row that make an unhealthy one healthy
     * @param fall failed checks in a row that make a healthy one unhealthy
     */
    public record HealthCheck(int port, @Nullable String path, long intervalMs, long timeoutMs, int rise, int fall) {}

    /**
     * Where some requests of a load balancer's port go. Rules of one port are one listener.
     *
     * @param sourcePort 0 in a service that load balancers select: their own port
     * @param protocol {@code http}, {@code grpc} (HTTP with clients and targets that speak HTTP/2), {@code tcp}, {@code udp} or {@code sni}
     *     (TLS that ends at the targets), with {@code tls} as https, grpcs and tls; empty in a service that load balancers
     *     select
     * @param service target as {@code service} (same stack), {@code stack/service}, {@code container:NAME}, or
     *     {@code selector:} and a selector of services by their labels; empty for the service itself
     * @param targetPort 0 where a selector leaves it to the rules of what it selects
     * @param hostname {@code a.example.com}, {@code *.example.com} or {@code example.*}; null for any
     * @param path by whole segments; null for any
     * @param priority lower is asked first, and before all without one; null to go by how exact the rule is
     * @param weight of each target of this rule, where rules of equal conditions share the requests; null is 1
     * @param stickyCookie name of the cookie that holds a client to its target; null for none
     * @param balance as in the node file; null is {@code round-robin}
     * @param serving null, as in older records, is {@link Serving#USUAL}
     * @param targetTls null for none
     */
    public record PortRule(
            int sourcePort,
            String protocol,
            String service,
            int targetPort,
            @Nullable String hostname,
            @Nullable String path,
            @Nullable Integer priority,
            @Nullable Integer weight,
            @Nullable String stickyCookie,
            @Nullable String balance,
            @Nullable Tls tls,
            @Nullable Serving serving,
            @Nullable TargetTls targetTls) {

        /** What {@link #service} begins with where it selects by labels. */
        public static final String SELECTOR = "selector:";

        /** Served as usual, without TLS behind. */
        public PortRule(
                int sourcePort,
                String protocol,
                String service,
                int targetPort,
                @Nullable String hostname,
                @Nullable String path,
                @Nullable Integer priority,
                @Nullable Integer weight,
                @Nullable String stickyCookie,
                @Nullable String balance,
                @Nullable Tls tls) {
            this(
                    sourcePort,
                    protocol,
                    service,
                    targetPort,
                    hostname,
                    path,
                    priority,
                    weight,
                    stickyCookie,
                    balance,
                    tls,
                    null,
                    null);
        }

        /** Without TLS. */
        public PortRule(
                int sourcePort,
                String protocol,
                String service,
                int targetPort,
                @Nullable String hostname,
                @Nullable String path,
                @Nullable Integer priority,
                @Nullable Integer weight,
                @Nullable String stickyCookie,
                @Nullable String balance) {
            this(
                    sourcePort,
                    protocol,
                    service,
                    targetPort,
                    hostname,
                    path,
                    priority,
                    weight,
                    stickyCookie,
                    balance,
                    null);
        }

        /** Everything of a port, in turn. */
        public PortRule(int sourcePort, String protocol, String service, int targetPort) {
            this(sourcePort, protocol, service, targetPort, null, null, null, null, null, null);
        }
    }
}
