package dev.drover.controlplane.schedule;

import java.util.List;
import java.util.Map;

/**
 * What to do now, and how things stand.
 *
 * @param states by service id
 * @param messages by service or instance id, for those that have something wrong or to wait for
 * @param waiting true when time alone may allow the next step
 */
record Plan(List<Step> steps, Map<String, ServiceState> states, Map<String, String> messages, boolean waiting) {
    Plan {
        steps = List.copyOf(steps);
        states = Map.copyOf(states);
        messages = Map.copyOf(messages);
    }
}
