package dev.drover.dns;

import java.net.InetSocketAddress;
import java.util.List;

/**
 * What the server does at the moment.
 *
 * @param addresses bound addresses in the order of the configuration, with the real port where 0 was configured
 * @param names names with records, as configured
 * @param upstreams in the order of the configuration
 * @param queries well-formed and malformed queries since start, both transports
 * @param forwardsInFlight queries waiting for an upstream
 * @param connections open TCP connections of clients
 */
public record DnsStatus(
        List<InetSocketAddress> addresses,
        String zone,
        int names,
        List<UpstreamStatus> upstreams,
        long queries,
        int forwardsInFlight,
        int connections) {
    public DnsStatus {
        addresses = List.copyOf(addresses);
        upstreams = List.copyOf(upstreams);
    }

    /** @param healthy false while the upstream, having left a query unanswered, is asked after the others */
    public record UpstreamStatus(InetSocketAddress address, boolean healthy) {}
}
