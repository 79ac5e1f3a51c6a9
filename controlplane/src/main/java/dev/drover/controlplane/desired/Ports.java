package dev.drover.controlplane.desired;

import dev.drover.controlplane.model.Service;
import java.util.SortedSet;
import java.util.TreeSet;

/** On which ports the addresses of a service's name listen. */
final class Ports {
    private static final String TCP = "/tcp";
    private static final String UDP = "/udp";

    private Ports() {}

    /** {@code 8000/tcp}: exposed and published ports of containers, source ports of a load balancer. */
    static SortedSet<String> of(Service service) {
        SortedSet<String> ports = new TreeSet<>();
        service.names().expose().forEach(port -> ports.add(port.indexOf('/') < 0 ? port + TCP : port));
        if (service.spec() != null) {
            PublishedPorts.of(service.spec()).values().forEach(port -> ports.add(port + TCP));
        }
        service.listens()
                .forEach(rule -> ports.add(rule.sourcePort() + (rule.protocol().equals("udp") ? UDP : TCP)));
        return ports;
    }
}
