package dev.drover.controlplane.compose;

import dev.drover.controlplane.desired.Sidekicks;
import dev.drover.controlplane.model.Service.Kind;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Whether what services name as their sidekicks can stand beside them. */
final class SidekickCheck {
    private final Map<String, ServiceDraft> byName = new HashMap<>();
    private final Map<String, String> primaries = new HashMap<>();

    private SidekickCheck(List<ServiceDraft> drafts) {
        drafts.forEach(draft -> byName.put(draft.name(), draft));
    }

    /** @param sections of the drafts, in their order; what is wrong is reported there */
    static void check(List<ServiceDraft> drafts, List<Section> sections) {
        SidekickCheck check = new SidekickCheck(drafts);
        for (int i = 0; i < drafts.size(); i++) {
            for (String name : Sidekicks.names(drafts.get(i).labels())) {
                String fault = check.fault(drafts.get(i), name);
                if (fault != null) {
                    sections.get(i).fault("labels", Sidekicks.LABEL + ": " + name + ": " + fault);
                }
            }
        }
    }

    private @Nullable String fault(ServiceDraft primary, String name) {
        ServiceDraft sidekick = byName.get(name.toLowerCase(Locale.ROOT));
        if (sidekick == null) {
            return "no such service in this stack" + Suggestion.of(name, byName.keySet());
        }
        if (primary.kind() != Kind.SERVICE || sidekick.kind() != Kind.SERVICE) {
            return "one of them has no containers (expected: services of containers)";
        }
        if (sidekick.name().equals(primary.name())) {
            return "the service itself (expected: another)";
        }
        if (!Sidekicks.names(sidekick.labels()).isEmpty()) {
            return "has sidekicks of its own (expected: none)";
        }
        String other = primaries.putIfAbsent(name, primary.name());
        return other == null ? null : "is a sidekick of " + other + " (expected: of one service, named once)";
    }
}
