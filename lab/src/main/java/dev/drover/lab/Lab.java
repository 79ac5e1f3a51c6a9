package dev.drover.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Virtual hosts on one machine: network namespaces on a switch of their own, each with a real Docker engine. A lab made
 * by {@link #up} goes with {@link #close()}; if the process dies before, {@code drover lab down} finds it by its id.
 * Not thread-safe, but its hosts may be used from any thread.
 */
public final class Lab implements AutoCloseable {
    private final LabSpec spec;

    private Lab(LabSpec spec) {
        this.spec = spec;
    }

    /** Brings up a lab that belongs to this process. */
    public static Lab up(LabSpec spec, Consumer<String> progress) {
        return up(LabRecord.ownedByThisProcess(spec), progress);
    }

    /** Brings up a lab that stays until {@code lab down}. */
    static Lab upAndLeave(LabSpec spec, Consumer<String> progress) {
        return up(LabRecord.unowned(spec), progress);
    }

    static Lab of(LabRecord record) {
        return new Lab(record.spec());
    }

    private static Lab up(LabRecord record, Consumer<String> progress) {
        LabSpec spec = record.spec();
        try (LabStore.Lock _ = LabStore.lock(spec.id())) {
            LabStore.claim(record);
            try {
                Files.createDirectories(spec.dataDir());
                progress.accept("switch and %d hosts".formatted(spec.size()));
                Network.up(spec);
                progress.accept("images");
                List<Images.Image> images = Images.all();
                Parallel.forEach(spec.hosts(), host -> startHost(spec, host, images, progress));
            } catch (IOException | RuntimeException e) {
                Teardown.remove(spec.id());
                throw e instanceof LabException known ? known : new LabException("lab " + spec.id() + ": " + e, e);
            }
        }
        return new Lab(spec);
    }

    private static void startHost(LabSpec spec, String host, List<Images.Image> images, Consumer<String> progress) {
        Engine engine = new Engine(spec, host);
        engine.start();
        images.forEach(engine::load);
        progress.accept("%s (%s) has its Docker engine".formatted(host, spec.address(host)));
    }

    public LabSpec spec() {
        return spec;
    }

    /** A command line that runs another one in a member's network. */
    public List<String> inside(String member, List<String> command) {
        spec.requireMember(member);
        List<String> all = new ArrayList<>(List.of("nsenter", "--net=" + spec.netnsPath(member), "--"));
        all.addAll(command);
        return all;
    }

    /** What a command in a member's network should find in its environment. */
    Map<String, String> environment(String member) {
        return member.equals("cp") ? Map.of() : Map.of("DOCKER_HOST", "unix://" + spec.dockerSocket(member));
    }

    /** Runs a command in a member's network. */
    public Shell.Result exec(String member, Duration deadline, String... command) {
        return Shell.run(deadline, inside(member, List.of(command)), environment(member));
    }

    /** The Docker CLI on a host's engine. */
    public List<String> dockerCommand(String host, List<String> arguments) {
        spec.requireMember(host);
        return Engine.dockerCommand(spec, host, arguments);
    }

    /** Runs the Docker CLI on a host's engine. */
    public Shell.Result docker(String host, Duration deadline, String... arguments) {
        return Shell.run(deadline, dockerCommand(host, List.of(arguments)));
    }

    /** Starts a process in a member's network that lives until the lab goes; its output goes to a log file. */
    public Process daemon(String member, String name, List<String> command, Map<String, String> environment) {
        return Shell.daemon(inside(member, command), environment, log(member, name));
    }

    /** Log file of a process of a member. */
    public Path log(String member, String name) {
        Path log = spec.dataDir(member, name + ".log");
        try {
            Files.createDirectories(log.getParent());
        } catch (IOException e) {
            throw new LabException(log + ": " + e.getMessage(), e);
        }
        return log;
    }

    /** Tears the lab down; nothing of it is left. */
    @Override
    public void close() {
        Pause.uninterrupted(() -> remove(spec.id(), null));
    }

    /** Removes the labs whose process was killed. */
    static void removeOrphans(Consumer<String> progress) {
        for (String id : LabStore.ids()) {
            LabRecord record = LabStore.find(id);
            if (record != null && record.isOwned() && !record.ownerIsAlive()) {
                remove(id, progress);
            }
        }
    }

    /** Removes what is left of a lab; refuses while another process owns it. */
    static void remove(String id, @Nullable Consumer<String> progress) {
        new LabSpec(id, 1);
        try (LabStore.Lock _ = LabStore.lock(id)) {
            LabRecord record = LabStore.find(id);
            if (record != null
                    && record.ownerIsAlive()
                    && record.ownerPid() != ProcessHandle.current().pid()) {
                throw new LabException(
                        "lab %s: belongs to process %d, which still runs (expected: end that one, it takes the lab down)"
                                .formatted(id, record.ownerPid()));
            }
            Teardown.remove(id);
        }
        if (progress != null) {
            progress.accept("lab " + id + " is gone");
        }
    }
}
