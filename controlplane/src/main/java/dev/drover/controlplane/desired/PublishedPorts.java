package dev.drover.controlplane.desired;

import dev.drover.controlplane.link.DesiredItem.ContainerSpec;
import java.util.SortedMap;
import java.util.TreeMap;

/** Published ports: host port to container port. */
public final class PublishedPorts {
    private PublishedPorts() {}

    /** Of a spec whose ports read {@code HOST:CONTAINER/tcp}. */
    public static SortedMap<Integer, Integer> of(ContainerSpec spec) {
        SortedMap<Integer, Integer> ports = new TreeMap<>();
        for (String text : spec.ports()) {
            int colon = text.indexOf(':');
            int slash = text.indexOf('/');
            String container = text.substring(colon + 1, slash < 0 ? text.length() : slash);
            int containerPort = Integer.parseInt(container);
            ports.put(colon < 0 ? containerPort : Integer.parseInt(text.substring(0, colon)), containerPort);
        }
        return ports;
    }
}
