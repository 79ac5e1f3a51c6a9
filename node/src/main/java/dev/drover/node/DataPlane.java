package dev.drover.node;

import dev.drover.dns.DnsConfig;
import dev.drover.lb.LbConfig;
import dev.drover.node.attach.Wiring;
import dev.drover.node.metadata.MetadataSource;
import dev.drover.overlay.Flow;
import dev.drover.overlay.NetworkPolicy;
import dev.drover.overlay.OverlayConfig;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Overlay, load balancer and DNS of this host as one thing that is told what to be. {@link #apply} and {@link #close}
 * come from one thread at a time; the rest may come from any.
 */
interface DataPlane extends AutoCloseable {

    /**
     * Makes the modules serve these configurations; one that did not change is not touched.
     *
     * @param overlay null for none
     * @param policy of the overlay, null where everything is allowed
     * @param dns null for none
     * @return what could not be applied: {@code overlay}, {@code policy}, {@code dns} or the name of a listener to the reason. The part in
     *     question keeps its former state and is tried again at the next call.
     */
    Map<String, String> apply(
            @Nullable OverlayConfig overlay, @Nullable NetworkPolicy policy, @Nullable DnsConfig dns, LbConfig lb);

    /**
     * Lets containers read this at the metadata service; it begins to serve at the first call.
     *
     * @return why it cannot be read, null when it can; tried again at the next call
     */
    @Nullable
    String tell(MetadataSource source);

    /** Requests and connections that the listeners have at this target now. */
    long inFlight(InetSocketAddress target);

    /** What the overlay has seen of flows; empty without one. */
    List<Flow> flows();

    /** How containers get into the overlay that was applied last. */
    Wiring wiring();

    @Override
    void close();
}
