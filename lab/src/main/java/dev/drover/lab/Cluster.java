package dev.drover.lab;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A lab whose hosts have all joined one environment, as after the first step of the demo: control plane and nodes are
 * processes of their own, started by the launcher. For benchmarks. Everything goes with {@link #close}, also on Ctrl-C.
 */
public final class Cluster implements AutoCloseable {
    private static final Duration JOINED = Duration.ofMinutes(2);

    private final Lab lab;
    private final DemoStage stage;
    private final SignalHold hold;

    private Cluster(Lab lab, DemoStage stage, SignalHold hold) {
        this.lab = lab;
        this.stage = stage;
        this.hold = hold;
    }

    /**
     * @param name tells labs apart, together with the process id; lower case letters, at most 8
     * @throws LabException what did not start, with the end of its log
     */
    public static Cluster up(String name, int hosts, Consumer<String> progress) {
        SignalHold hold = SignalHold.open();
        try {
            Lab.removeOrphans(progress);
            StartTraining.ensure(progress);
            Lab lab = Lab.up(new LabSpec(name + ProcessHandle.current().pid(), hosts), progress);
            return new Cluster(lab, stage(lab, progress), hold);
        } catch (RuntimeException e) {
            hold.close();
            throw e;
        }
    }

    private static DemoStage stage(Lab lab, Consumer<String> progress) {
        try {
            DemoStage stage = DemoStage.set(lab, 0, progress);
            try {
                join(stage);
                return stage;
            } catch (RuntimeException e) {
                stage.close();
                throw e;
            }
        } catch (RuntimeException e) {
            lab.close();
            throw e;
        }
    }

    private static void join(DemoStage stage) {
        Map<String, String> password = Map.of("DROVER_PASSWORD", stage.password());
        stage.droverQuietly("login " + Walkthrough.SERVER, password).orThrow();
        stage.droverQuietly("env create test", Map.of()).orThrow();
        String token = stage.droverQuietly("token create test", Map.of()).orThrow();
        List<String> hosts = stage.lab().spec().hosts();
        for (String host : hosts) {
            // Past the door that the demo cuts: it would be a hop more.
            stage.processes()
                    .startNode(
                            host,
                            token.lines().toList().getLast().strip(),
                            stage.lab().spec().dockerSocket(host));
        }
        stage.await("all hosts connected", JOINED, () -> stage.connectedHosts() == hosts.size(), stage::logs);
    }

    public Lab lab() {
        return lab;
    }

    /** Brings a stack up from the text of a docker-compose.yml. */
    public void stackUp(String stack, String compose) {
        String file = stack + "/docker-compose.yml";
        stage.fileQuietly(file, compose);
        stage.droverQuietly("stack up -e test -f " + file + " " + stack, Map.of())
                .orThrow();
    }

    /** Asks for that many instances of a service and does not wait for them. */
    public void scale(String stack, String service, int instances) {
        stage.api()
                .post(
                        DemoStage.ENVIRONMENT + "/stacks/" + stack + "/services/" + service + "/scale",
                        Map.of("scale", instances));
    }

    @Override
    public void close() {
        try {
            stage.close();
        } finally {
            lab.close();
            hold.close();
        }
    }
}
