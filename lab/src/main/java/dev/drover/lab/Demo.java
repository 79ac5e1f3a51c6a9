package dev.drover.lab;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code drover demo}: brings up a lab, plays the walk-through on it, and takes everything down again. */
@Command(
        name = "demo",
        description = "Three virtual hosts with real Docker engines, the whole walk-through, then the UI until Ctrl-C.",
        mixinStandardHelpOptions = true)
final class Demo implements Callable<Integer> {
    private static final int HOSTS = 3;

    @Option(names = "--once", description = "take everything down at the end; exit code 1 if a step failed")
    private boolean once;

    @Option(
            names = "--ui-port",
            paramLabel = "PORT",
            description = "port on 127.0.0.1 for the UI, 0 for any (default: ${DEFAULT-VALUE})")
    private int uiPort = DroverProcesses.UI_PORT;

    @Option(
            names = "--patience",
            paramLabel = "N",
            description = "factor for the times a step may take, on a busy machine (default: ${DEFAULT-VALUE})")
    private int patience = 1;

    @Option(names = "--json", paramLabel = "FILE", description = "write the outcome of each step to a file")
    private @Nullable Path json;

    @Override
    public Integer call() throws IOException {
        try (SignalHold _ = SignalHold.open()) {
            return play();
        }
    }

    private int play() throws IOException {
        if (patience < 1) {
            throw new LabException("--patience: " + patience + " (expected: 1 or more)");
        }
        requireFree(uiPort);
        Progress progress = new Progress(System.out);
        Lab.removeOrphans(progress::step);
        StartTraining.ensure(progress::step);
        boolean passed;
        LabSpec spec = new LabSpec("demo" + ProcessHandle.current().pid(), HOSTS);
        try (Lab lab = Lab.up(spec, progress::step);
                DemoStage stage = DemoStage.set(lab, uiPort, progress::step)) {
            Script script = new Script(System.out, stage::logs);
            new Walkthrough(stage, script, patience).play();
            summarize(script);
            passed = script.passed();
            if (!once) {
                stay(stage, spec);
            }
        }
        progress.step("the lab is gone");
        return passed ? 0 : 1;
    }

    /** Said before the lab is built and not after. */
    private static void requireFree(int port) {
        try (ServerSocket _ = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            return;
        } catch (IOException e) {
            throw new LabException(
                    "port 127.0.0.1:%d: %s (expected: a free port, or another --ui-port)"
                            .formatted(port, e.getMessage()),
                    e);
        }
    }

    private void summarize(Script script) throws IOException {
        System.out.printf("%nSummary%n");
        int number = 0;
        for (Script.Outcome outcome : script.outcomes()) {
            System.out.printf(
                    Locale.ROOT,
                    "%2d. %s %5.1f s  %s%n",
                    ++number,
                    outcome.passed() ? "✓" : "✗",
                    outcome.seconds(),
                    outcome.title());
        }
        long passed = script.outcomes().stream().filter(Script.Outcome::passed).count();
        System.out.printf("%d passed, %d failed%n", passed, script.outcomes().size() - passed);
        if (json != null) {
            new ObjectMapper().writerWithDefaultPrettyPrinter().writeValue(json.toFile(), script.outcomes());
        }
    }

    private static void stay(DemoStage stage, LabSpec spec) {
        System.out.printf("""

                The lab stays up. UI: %s   user: admin   password: %s
                  ./drover lab exec --id %s host1 docker ps
                Ctrl-C takes everything down.
                """, stage.uiAddress(), stage.password(), spec.id());
        System.out.flush();
        while (!Thread.currentThread().isInterrupted()) {
            try {
                TimeUnit.HOURS.sleep(1);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
