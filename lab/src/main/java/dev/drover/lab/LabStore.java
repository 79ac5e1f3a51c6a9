package dev.drover.lab;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The labs of this machine: one directory each under {@code /run/drover-lab}, claimed before anything is made. */
final class LabStore {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String RECORD = "lab.json";

    private LabStore() {}

    /** Held while a lab is brought up or torn down; the kernel gives it back when the process dies. */
    static final class Lock implements AutoCloseable {
        private final FileChannel channel;

        private Lock(FileChannel channel) {
            this.channel = channel;
        }

        @Override
        public void close() {
            try {
                channel.close();
            } catch (IOException e) {
                throw new LabException("lab lock: " + e.getMessage(), e);
            }
        }
    }

    static Lock lock(String id) {
        Path file = LabSpec.RUN_ROOT.resolve(id + ".lock");
        try {
            Files.createDirectories(LabSpec.RUN_ROOT);
            FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            channel.lock();
            return new Lock(channel);
        } catch (IOException e) {
            throw new LabException(file + ": " + e.getMessage(), e);
        }
    }

    /** Claims the lab's name for the caller. */
    static void claim(LabRecord lab) {
        Path dir = LabSpec.runDir(lab.id());
        try {
            Files.createDirectories(LabSpec.RUN_ROOT);
            Files.createDirectory(dir);
            JSON.writerWithDefaultPrettyPrinter().writeValue(dir.resolve(RECORD).toFile(), lab);
        } catch (FileAlreadyExistsException e) {
            throw new LabException(
                    "lab %s: already up (expected: drover lab down --id %s first, or another --id)"
                            .formatted(lab.id(), lab.id()),
                    e);
        } catch (IOException e) {
            throw new LabException(dir + ": " + e.getMessage(), e);
        }
    }

    /** The record of a lab; null when there is none or its claim was cut short. */
    static @Nullable LabRecord find(String id) {
        Path file = LabSpec.runDir(id).resolve(RECORD);
        if (!Files.exists(file)) {
            return null;
        }
        try {
            return JSON.readValue(file.toFile(), LabRecord.class);
        } catch (IOException e) {
            // Killed while it was written: whatever the lab had made by then is found by its id.
            return null;
        }
    }

    /** Ids of all labs of which anything is left on this machine, in order. */
    static Set<String> ids() {
        Set<String> ids = new TreeSet<>();
        for (Path root : List.of(LabSpec.RUN_ROOT, LabSpec.DATA_ROOT)) {
            if (!Files.isDirectory(root)) {
                continue;
            }
            try (Stream<Path> entries = Files.list(root)) {
                entries.filter(Files::isDirectory)
                        .forEach(entry -> ids.add(entry.getFileName().toString()));
            } catch (IOException e) {
                throw new LabException(root + ": " + e.getMessage(), e);
            }
        }
        return ids;
    }

    /** The lab that a command without {@code --id} means: the only one there is. */
    static LabRecord only() {
        Set<String> ids = ids();
        if (ids.size() != 1) {
            throw new LabException(
                    ids.isEmpty()
                            ? "no lab is up (expected: drover lab up N first)"
                            : "several labs are up (expected: --id with one of " + String.join(", ", ids) + ")");
        }
        return require(ids.iterator().next());
    }

    static LabRecord require(String id) {
        LabRecord lab = find(id);
        if (lab == null) {
            throw new LabException("lab: " + id + " (expected: one of "
                    + (ids().isEmpty() ? "none, no lab is up" : String.join(", ", ids())) + ")");
        }
        return lab;
    }
}
