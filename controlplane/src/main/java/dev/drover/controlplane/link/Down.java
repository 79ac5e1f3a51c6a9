package dev.drover.controlplane.link;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.List;
import java.util.Map;

/** A message from the control plane to a node. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
    @JsonSubTypes.Type(value = Down.Welcome.class, name = "welcome"),
    @JsonSubTypes.Type(value = Down.Desired.class, name = "desired"),
    @JsonSubTypes.Type(value = Down.SendFull.class, name = "send-full")
})
public sealed interface Down {

    /** First message after {@link Up.Hello}: who the node is. */
    record Welcome(HostIdentity identity, String serverVersion) implements Down {}

    /**
     * A change of the desired state.
     *
     * @param revision what the node holds after applying this; grows
     * @param full true when {@code put} is the whole state and every other entry goes away
     */
    record Desired(long revision, boolean full, Map<String, DesiredItem> put, List<String> remove) implements Down {}

    /** Asks for a full list of containers now. */
    record SendFull() implements Down {}
}
