package dev.drover.node.state;

import dev.drover.controlplane.link.LinkCodec;
import dev.drover.overlay.Encryption;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The node's directory, mode 0700, used by one node at a time. Every file is JSON, replaced atomically and synced. Safe
 * for any thread as long as each kind of file has one writer at a time.
 */
public final class StateDir implements AutoCloseable {
    private static final String IDENTITY = "identity.json";

    private final Path directory;
    private final FileChannel lockChannel;
    private final AtomicFile identity;
    private final AtomicFile machineId;
    private final AtomicFile desired;
    private final AtomicFile assignments;

    private record Machine(String machineId) {}

    private StateDir(Path directory, FileChannel lockChannel) {
        this.directory = directory;
        this.lockChannel = lockChannel;
        identity = new AtomicFile(directory.resolve(IDENTITY));
        machineId = new AtomicFile(directory.resolve("machine.json"));
        desired = new AtomicFile(directory.resolve("desired.json"));
        assignments = new AtomicFile(directory.resolve("addresses.json"));
    }

    /**
     * Creates the directory when absent and locks it.
     *
     * @throws IllegalStateException when another node runs on it
     */
    public static StateDir open(Path directory) throws IOException {
        Files.createDirectories(
                directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        FileChannel channel =
                FileChannel.open(directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        if (!lock(channel)) {
            channel.close();
            throw new IllegalStateException("state-dir: " + directory
                    + " is in use by another node (expected: one node a state directory, or drover node --take-over)");
        }
        return new StateDir(directory, channel);
    }

    private static boolean lock(FileChannel channel) throws IOException {
        try {
            FileLock lock = channel.tryLock();
            return lock != null;
        } catch (OverlappingFileLockException e) {
            return false; // held by this very process
        }
    }

    public Path directory() {
        return directory;
    }

    /** Whether a host has joined on {@code directory}, which may be in use. */
    public static boolean hasIdentity(Path directory) {
        return Files.exists(directory.resolve(IDENTITY));
    }

    public @Nullable Identity identity() {
        return read(identity, Identity.class);
    }

    public void identity(Identity value) {
        write(identity, value);
    }

    /** A random id made at first use; machines cloned from one image, and virtual hosts, still differ. */
    public String machineId() {
        Machine machine = read(machineId, Machine.class);
        if (machine == null) {
            machine = new Machine(UUID.randomUUID().toString());
            write(machineId, machine);
        }
        return machine.machineId();
    }

    /** The key of this host's tunnel endpoint, made at first use. */
    public Encryption encryption() {
        Path file = directory.resolve("overlay.key");
        return Files.exists(file) ? PrivateKeyFile.read(file) : PrivateKeyFile.create(file);
    }

    public Desired desired() {
        Desired value = read(desired, Desired.class);
        return value == null ? Desired.NONE : value;
    }

    public void desired(Desired value) {
        write(desired, value);
    }

    public Assignments assignments() {
        Assignments value = read(assignments, Assignments.class);
        return value == null ? Assignments.NONE : value;
    }

    public void assignments(Assignments value) {
        write(assignments, value);
    }

    private static <T> @Nullable T read(AtomicFile file, Class<T> type) {
        try {
            String text = file.read();
            return text == null ? null : LinkCodec.decode(text, type);
        } catch (IOException e) {
            throw new UncheckedIOException(file.path() + ": cannot be read", e);
        } catch (IllegalArgumentException e) {
            throw new IllegalStateException(
                    file.path() + ": " + e.getMessage() + " (expected: a file written by drover node)", e);
        }
    }

    private static void write(AtomicFile file, Object value) {
        try {
            file.write(LinkCodec.encode(value));
        } catch (IOException e) {
            throw new UncheckedIOException(file.path() + ": cannot be written", e);
        }
    }

    @Override
    public void close() {
        try {
            lockChannel.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
