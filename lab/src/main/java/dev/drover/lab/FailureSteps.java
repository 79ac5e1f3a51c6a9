package dev.drover.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Steps in which a part of Drover, or its way to an engine, breaks. */
final class FailureSteps {
    private static final Duration CUT = Duration.ofSeconds(20);
    private static final Duration SYNC_PERIOD = Duration.ofSeconds(15);
    private static final Duration ADOPTED = Duration.ofSeconds(2);
    private static final Duration SOON = Duration.ofSeconds(15);
    private static final Duration BACK = Duration.ofMinutes(1);
    private static final int REQUESTS_PER_SECOND = 50;
    private static final Pattern PING_SUMMARY = Pattern.compile("(\\d+) packets transmitted, (\\d+) packets received");

    private final DemoStage stage;
    private final Script script;
    private final Walkthrough walkthrough;

    FailureSteps(DemoStage stage, Script script, Walkthrough walkthrough) {
        this.stage = stage;
        this.script = script;
        this.walkthrough = walkthrough;
    }

    void cut() {
        String host = stage.cuttableHost();
        stage.sh(script, host, Walkthrough.labelled("early"));
        walkthrough.awaitAddress("early");
        String untouched = running(host);
        script.note("the engine's socket breaks for the node of %s".formatted(host));
        stage.door().cut();
        long cutNs = System.nanoTime();
        stage.sh(script, host, Walkthrough.labelled("late"));
        stage.sh(script, host, "docker rm -f early");
        Pause.millis(CUT.minusNanos(System.nanoTime() - cutNs).toMillis());
        script.note("after %d s in the dark: early is %s, late is %s"
                .formatted(CUT.toSeconds(), stage.container("early") == null ? "gone" : "listed", listed("late")));
        stage.door().restore();
        long restoredNs = System.nanoTime();
        stage.await(
                "the picture is right",
                SYNC_PERIOD.plusSeconds(1),
                () -> stage.container("early") == null
                        && listed("late").equals("running")
                        && !walkthrough.awaitAddress("late").isEmpty());
        script.note("the picture is right %.1f s after the socket came back".formatted(secondsSince(restoredNs)));
        walkthrough.awaitName("host1", "box1", "late");
        stage.sh(script, "host1", "docker exec box1 ping -c 2 late");
        stage.sh(script, host, "docker rm -f late");
        if (!running(host).equals(untouched)) {
            throw new LabException(
                    "containers of %s: %s (expected: untouched %s)".formatted(host, running(host), untouched));
        }
    }

    private String listed(String name) {
        JsonNode container = stage.container(name);
        return container == null ? "not listed" : Walkthrough.text(container, "state");
    }

    /** Name and start of every container that runs on a host, but for those of the step itself. */
    private String running(String host) {
        return stage.quietly(
                        host,
                        "docker inspect -f '{{.Name}} {{.State.StartedAt}}' $(docker ps -q --no-trunc) | grep -vE '^/(early|late) ' | sort")
                .orThrow();
    }

    void killServer() {
        long pid = stage.processes().pid("cp");
        try (LoadClient load = walkthrough.startLoad(REQUESTS_PER_SECOND)) {
            script.command("cp", "kill -9 " + pid);
            stage.processes().kill("cp");
            stage.sh(script, "host1", "docker exec box1 ping -c 2 box2");
            stage.sh(script, "host2", "docker exec box2 nslookup httpserver.hello");
            stage.sh(script, "host3", "curl -sf %s/etc/hostname".formatted(walkthrough.balancerUrl("host2")));
            Pause.millis(3000);
            walkthrough.requireNoFailure(load);
        }
        script.command("cp", "drover server");
        long startNs = System.nanoTime();
        stage.processes().startServer();
        stage.await("control plane answers", BACK, stage.api()::isUp);
        walkthrough.awaitHosts();
        script.note("back with all hosts connected after %.1f s".formatted(secondsSince(startNs)));
    }

    void killNode() {
        stage.sh(script, "host1", Walkthrough.labelled("box1b"));
        String address = walkthrough.awaitAddress("box1b");
        String second = walkthrough.awaitAddress("box1");
        Shell.Result[] local = new Shell.Result[1];
        Thread pinging = Thread.ofVirtual()
                .start(() -> local[0] = stage.quietly("host1", "docker exec box1 ping -i 0.1 -W 1 -c 80 " + address));
        Pause.millis(1000);
        script.command("host1", "kill -9 " + stage.processes().pid("host1"));
        stage.processes().kill("host1");
        Pause.millis(1500);
        // From inside box2's network: a docker exec for each look would take longer than what is measured.
        String look = "nsenter --net=/proc/%s/ns/net ping -c 1 -W 0.2 %s"
                .formatted(
                        stage.quietly("host2", "docker inspect -f '{{.State.Pid}}' box2")
                                .orThrow()
                                .strip(),
                        second);
        script.command("host1", "drover node");
        long startNs = System.nanoTime();
        stage.startNode("host1");
        stage.await(
                "box1 reached from host2 again",
                SYNC_PERIOD,
                () -> stage.quietly("host2", look).ok(),
                () -> stage.processes().tail("host1"));
        double tookSeconds = secondsSince(startNs);
        script.note("box1 is reached from host2 again %.1f s after the node's start".formatted(tookSeconds));
        join(pinging);
        requireNoLoss(local[0]);
        stage.await(
                "load balancer of host1 answers",
                SOON,
                () -> stage.quietly("host2", "curl -sf " + walkthrough.balancerUrl("host1") + "/etc/hostname")
                        .ok());
        walkthrough.awaitHosts();
        stage.sh(script, "host1", "docker rm -f box1b");
        walkthrough.requireWithin(ADOPTED, tookSeconds, "adopted");
    }

    private void requireNoLoss(Shell.Result ping) {
        Matcher matcher = PING_SUMMARY.matcher(ping.output());
        if (!matcher.find()) {
            throw new LabException("ping: no summary in " + ping.output());
        }
        script.command("host1", "docker exec box1 ping -i 0.1 -c 80 box1b    # all the while");
        script.output(matcher.group());
        if (!matcher.group(1).equals(matcher.group(2))) {
            throw new LabException("local traffic: " + matcher.group() + " (expected: no loss)");
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LabException("interrupted", e);
        }
    }

    private static double secondsSince(long startNs) {
        return (System.nanoTime() - startNs) / 1e9;
    }
}
