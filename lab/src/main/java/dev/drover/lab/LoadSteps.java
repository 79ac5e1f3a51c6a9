package dev.drover.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;

/** Steps in which the service changes while requests come in without a pause. */
final class LoadSteps {
    private static final int REQUESTS_PER_SECOND = 100;
    private static final Duration UPGRADED = Duration.ofSeconds(90);

    private final DemoStage stage;
    private final Script script;
    private final Walkthrough walkthrough;

    LoadSteps(DemoStage stage, Script script, Walkthrough walkthrough) {
        this.stage = stage;
        this.script = script;
        this.walkthrough = walkthrough;
    }

    void scale() {
        underLoad(() -> {
            walkthrough.scaleTo(5);
            walkthrough.awaitInstances(5);
            script.note("5 instances run");
            walkthrough.scaleTo(3);
            walkthrough.awaitInstances(3);
            script.note("3 instances run");
        });
    }

    void upgrade() {
        underLoad(() -> {
            Set<String> before = names();
            stage.drover(script, "service upgrade -e test hello/httpserver --environment RELEASE=2");
            stage.await(
                    "all instances upgraded",
                    UPGRADED,
                    () -> {
                        Set<String> now = names();
                        now.retainAll(before);
                        return now.isEmpty()
                                && Walkthrough.text(stage.service("hello", "httpserver"), "state")
                                        .equals("active")
                                && walkthrough.awaitInstances(3).size() == 3;
                    },
                    () -> "service: " + stage.service("hello", "httpserver"));
            for (JsonNode instance : walkthrough.awaitInstances(3)) {
                stage.sh(
                        script,
                        Walkthrough.text(instance, "host"),
                        "docker exec %s sh -c 'echo release $RELEASE'".formatted(Walkthrough.text(instance, "name")));
            }
        });
    }

    private Set<String> names() {
        Set<String> names = new HashSet<>();
        stage.service("hello", "httpserver")
                .path("instances")
                .forEach(each -> names.add(Walkthrough.text(each, "name")));
        return names;
    }

    void kill() {
        underLoad(() -> {
            JsonNode victim = walkthrough.awaitInstances(3).getFirst();
            stage.sh(script, Walkthrough.text(victim, "host"), "docker kill " + Walkthrough.text(victim, "name"));
            // The kill must have been seen before the service counts as whole again.
            Pause.millis(500);
            walkthrough.awaitInstances(3);
            script.note("3 instances run again");
        });
    }

    void replaceNode() {
        underLoad(() -> {
            script.command("host1", "drover node --take-over");
            Duration took = stage.succeedNode("host1");
            script.note("the former node of host1 had ended %.1f s after the start of the new one"
                    .formatted(took.toMillis() / 1000.0));
            walkthrough.awaitHosts();
        });
    }

    private void underLoad(Runnable change) {
        try (LoadClient load = walkthrough.startLoad(REQUESTS_PER_SECOND)) {
            Pause.millis(1000);
            change.run();
            Pause.millis(1000);
            walkthrough.requireNoFailure(load);
        }
    }
}
