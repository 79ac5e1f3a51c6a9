package dev.drover.controlplane.model;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a service says about names: its own and those it knows others by.
 *
 * @param links name in the eyes of this service to what it means: {@code service} of the same stack, {@code
 *     stack/service}, or {@link #CONTAINER} and the name of a container
 * @param externalIps addresses of an external service
 * @param hostname DNS name of an external service, null for none
 * @param expose ports that its containers listen on, {@code 8000} or {@code 8000/udp}
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Discovery(
        Map<String, String> links,
        List<String> externalIps,
        @Nullable String hostname,
        List<String> expose) {
    public static final Discovery NONE = new Discovery(Map.of(), List.of(), null, List.of());
    /** What the target of a link to a container begins with. */
    public static final String CONTAINER = "container:";

    public Discovery {
        links = Map.copyOf(links);
        externalIps = List.copyOf(externalIps);
        expose = List.copyOf(expose);
    }
}
