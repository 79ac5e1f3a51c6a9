package dev.drover.node.docker;

import java.util.Map;

/** The labels the node reads and writes. */
public final class Labels {
    /** {@code true}: a container made with the plain Docker CLI joins the managed network. */
    public static final String NETWORK = "io.rancher.container.network";
    /** {@code false}: its resolv.conf is never touched. */
    public static final String DNS = "io.rancher.container.dns";
    /** Wanted overlay addresses, comma-separated, the first free one counts. */
    public static final String REQUESTED_IP = "io.rancher.container.requested_ip";
    /** {@code container_name}: the hostname is the container's name. */
    public static final String HOSTNAME_OVERRIDE = "io.rancher.container.hostname_override";
    /** {@code always}: the image is pulled at each create. */
    public static final String PULL_IMAGE = "io.rancher.container.pull_image";
    /** {@code true}: not started again when it has ended. */
    public static final String START_ONCE = "io.rancher.container.start_once";
    /** Name of a container that Drover made. */
    public static final String NAME = "io.rancher.container.name";
    /** {@code stack/service} of a container that Drover made. */
    public static final String STACK_SERVICE = "io.rancher.stack_service.name";
    /** Instance id; the mark of a service container. The node changes no container without it. */
    public static final String INSTANCE = "dev.drover.instance";

    private Labels() {}

    public static boolean isTrue(Map<String, String> labels, String label) {
        return "true".equalsIgnoreCase(labels.get(label));
    }
}
