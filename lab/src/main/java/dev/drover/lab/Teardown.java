package dev.drover.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Removes all that a lab made, found by the lab's id alone: processes by their network namespace or control group,
 * then mounts, namespaces, control groups and directories by their names. Works as well on what a crash left, and on
 * nothing.
 */
final class Teardown {
    private static final Duration PROCESSES_END = Duration.ofSeconds(20);
    private static final Path NETNS_DIR = Path.of("/run/netns");
    private static final Path CGROUP_ROOT = Path.of("/sys/fs/cgroup");
    private static final Path SHIM_SOCKETS = Path.of("/run/containerd/s");

    private final String id;

    private Teardown(String id) {
        this.id = id;
    }

    /** Removes a lab; the caller holds its lock. */
    static void remove(String id) {
        Pause.uninterrupted(new Teardown(id)::run);
    }

    private void run() {
        List<Path> namespaces = namespaces();
        Set<Path> shimSockets = endProcesses(namespaces);
        unmount();
        for (Path namespace : namespaces) {
            Shell.quick("ip", "netns", "del", namespace.getFileName().toString());
        }
        shimSockets.forEach(Teardown::deleteIfThere);
        removeCgroups();
        // Never into a mount that could not be taken away.
        Shell.run(
                        Duration.ofMinutes(2),
                        List.of(
                                "rm",
                                "-rf",
                                "--one-file-system",
                                LabSpec.dataDir(id).toString(),
                                LabSpec.runDir(id).toString()))
                .orThrow();
        deleteIfThere(LabSpec.RUN_ROOT.resolve(id + ".lock"));
        deleteIfEmpty(LabSpec.RUN_ROOT);
        deleteIfEmpty(LabSpec.DATA_ROOT);
    }

    private List<Path> namespaces() {
        if (!Files.isDirectory(NETNS_DIR)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(NETNS_DIR)) {
            return all.filter(path -> path.getFileName().toString().startsWith(LabSpec.netnsPrefix(id)))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new LabException(NETNS_DIR + ": " + e.getMessage(), e);
        }
    }

    /** Kills until none is left, since an engine may start a container while it dies; returns the shims' sockets. */
    private Set<Path> endProcesses(List<Path> namespaces) {
        Set<Path> sockets = new HashSet<>();
        LabProcesses processes = new LabProcesses(namespaces, "/" + LabSpec.cgroup(id) + "/");
        boolean ended = Pause.until(PROCESSES_END, () -> {
            Set<Long> alive = processes.find();
            alive.forEach(pid -> sockets.addAll(LabProcesses.unixSocketsUnder(pid, SHIM_SOCKETS)));
            alive.forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
            return alive.isEmpty();
        });
        if (!ended) {
            throw new LabException("lab %s: processes %s do not end".formatted(id, processes.find()));
        }
        return sockets;
    }

    private void unmount() {
        List<String> mounts = new ArrayList<>();
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
                Path mount = Path.of(line.split(" ")[4]);
                if (mount.startsWith(LabSpec.runDir(id)) || mount.startsWith(LabSpec.dataDir(id))) {
                    mounts.add(mount.toString());
                }
            }
        } catch (IOException e) {
            throw new LabException("mounts: " + e.getMessage(), e);
        }
        for (String mount : mounts.reversed()) {
            Shell.quick("umount", "-l", mount);
        }
    }

    private void removeCgroups() {
        List<Path> roots = new ArrayList<>(List.of(CGROUP_ROOT));
        try (Stream<Path> hierarchies = Files.list(CGROUP_ROOT)) {
            hierarchies.filter(Files::isDirectory).forEach(roots::add);
        } catch (IOException e) {
            return;
        }
        for (Path root : roots) {
            Path parent = root.resolve(LabSpec.CGROUP_PARENT);
            Path group = parent.resolve(id);
            if (Files.isDirectory(group)) {
                removeCgroup(group);
            }
            deleteIfEmpty(parent);
        }
    }

    /** Children first; the kernel's own files in a group go with it. */
    private void removeCgroup(Path group) {
        List<Path> groups;
        try (Stream<Path> tree = Files.walk(group)) {
            groups = tree.filter(Files::isDirectory)
                    .sorted(Comparator.reverseOrder())
                    .toList();
        } catch (IOException e) {
            throw new LabException(group + ": " + e.getMessage(), e);
        }
        for (Path each : groups) {
            if (!Pause.until(Shell.QUICK, () -> deleteIfEmpty(each))) {
                throw new LabException(each + ": control group stays busy");
            }
        }
    }

    private static void deleteIfThere(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new LabException(file + ": " + e.getMessage(), e);
        }
    }

    private static boolean deleteIfEmpty(Path directory) {
        try {
            Files.delete(directory);
            return true;
        } catch (NoSuchFileException e) {
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
