package dev.drover.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Finds a lab's processes in /proc: engines, shims and nodes by network namespace, containers by control group. */
final class LabProcesses {
    private static final Path PROC = Path.of("/proc");

    private final Set<Object> namespaces;
    private final String cgroup;

    /**
     * @param namespaces paths of the lab's network namespaces
     * @param cgroup     path of the lab's control group with slashes around it
     */
    LabProcesses(List<Path> namespaces, String cgroup) {
        this.namespaces = namespaces.stream().map(LabProcesses::key).collect(Collectors.toSet());
        this.cgroup = cgroup;
    }

    /** Pids of the lab's living processes, the caller excepted. */
    Set<Long> find() {
        long self = ProcessHandle.current().pid();
        Set<Long> pids = new HashSet<>();
        try (Stream<Path> entries = Files.list(PROC)) {
            for (Path entry : (Iterable<Path>) entries::iterator) {
                String name = entry.getFileName().toString();
                if (Character.isDigit(name.charAt(0)) && belongs(entry) && Long.parseLong(name) != self) {
                    pids.add(Long.parseLong(name));
                }
            }
        } catch (IOException e) {
            throw new LabException(PROC + ": " + e.getMessage(), e);
        }
        return pids;
    }

    private boolean belongs(Path process) {
        return namespaces.contains(key(process.resolve("ns/net")))
                || lines(process.resolve("cgroup")).contains(cgroup);
    }

    /** Paths of the Unix sockets under a directory that are bound in a process's network namespace. */
    static Set<Path> unixSocketsUnder(long pid, Path directory) {
        Set<Path> sockets = new HashSet<>();
        for (String line : lines(PROC.resolve(pid + "/net/unix")).lines().toList()) {
            int path = line.indexOf(directory + "/");
            if (path >= 0) {
                sockets.add(Path.of(line.substring(path)));
            }
        }
        return sockets;
    }

    /** Device and inode of what a path leads to; the path itself when it is gone, which equals no namespace. */
    private static Object key(Path path) {
        try {
            Object key = Files.readAttributes(path, BasicFileAttributes.class).fileKey();
            return key == null ? path : key;
        } catch (IOException e) {
            return path;
        }
    }

    /** The content of a file; empty when its process has ended. */
    private static String lines(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return "";
        }
    }
}
