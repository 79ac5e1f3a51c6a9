package dev.drover.node.metadata;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.HostIdentity;
import dev.drover.controlplane.link.Up.ContainerFact;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the metadata service answers from. The collections are not changed any more.
 *
 * @param desired by desired key; of interest are the {@code about/} entries
 * @param local every container of this host, of which the node knows better than the control plane; null while they are
 *     not known yet
 */
public record MetadataSource(
        HostIdentity host,
        Map<String, DesiredItem> desired,
        @Nullable List<ContainerFact> local) {}
