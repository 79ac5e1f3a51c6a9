package dev.drover.controlplane.schedule;

import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Instance.Phase;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.repository.Versioned;
import java.util.ArrayList;
import java.util.List;

/** The instances of a service beside which a sidekick of it has to stand, one beside each. */
record Leaders(Service primary, List<Versioned<Instance>> instances) {

    /** How many sidekicks the host has to have. */
    int on(String hostId) {
        return (int) instances.stream()
                .map(Versioned::value)
                .filter(each -> each.phase() == Phase.ACTIVE && each.hostId().equals(hostId))
                .count();
    }

    int count() {
        return (int) instances.stream()
                .filter(each -> each.value().phase() == Phase.ACTIVE)
                .count();
    }

    /** Whether instances come and go by themselves, and their sidekicks with them. */
    boolean moving() {
        return instances.stream()
                .anyMatch(each ->
                        each.value().phase() == Phase.DRAINING || each.value().version() != primary.version());
    }

    /** Those of a host's sidekicks that stand beside an instance that leaves: the n-th is the n-th instance's. */
    List<Versioned<Instance>> followersOfLeaving(String hostId, List<Versioned<Instance>> followers) {
        List<Versioned<Instance>> here = instances.stream()
                .filter(each -> each.value().hostId().equals(hostId))
                .toList();
        List<Versioned<Instance>> leaving = new ArrayList<>();
        for (int i = 0; i < Math.min(here.size(), followers.size()); i++) {
            if (here.get(i).value().phase() == Phase.DRAINING) {
                leaving.add(followers.get(i));
            }
        }
        return leaving;
    }
}
