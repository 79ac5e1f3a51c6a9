package dev.drover.node.attach;

import dev.drover.dataplane.Mac;
import java.nio.file.Path;
import java.util.List;

/** What attaching needs of the overlay. Every method blocks, is idempotent and safe for different containers at a time. */
public interface Wiring {
    /**
     * Gives a container its interface, address and routes, or finds that it has them.
     *
     * @param pid of the container's first process
     * @param address overlay address in host byte order
     * @throws RuntimeException with a message fit for an operator
     */
    void attach(String containerId, int pid, int address, Mac mac);

    /** Whether a container that was attached still has its wire to the bridge as it has to be. */
    boolean inPlace(String containerId);

    /** The MTU that {@link #attach} gives; when it changes, containers are to be attached again. */
    int mtu();

    /** Takes away what is left of a container's wiring; does nothing when nothing is. */
    void detach(String containerId);

    /** Writes resolver and search list into the file without replacing it. */
    void resolver(Path resolvConf, List<String> search);
}
