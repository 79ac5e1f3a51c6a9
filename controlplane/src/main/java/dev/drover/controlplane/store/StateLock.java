package dev.drover.controlplane.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** Keeps a second server out of a state directory. The kernel releases it when the process ends, however it ends. */
final class StateLock implements AutoCloseable {
    private final FileChannel channel;

    /** @throws StoreException when another server holds the directory */
    StateLock(Path file) {
        FileChannel opened = null;
        try {
            opened = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            if (tryLock(opened) == null) {
                String holder =
                        Files.readString(file, StandardCharsets.US_ASCII).strip();
                opened.close();
                throw new StoreException(
                        "state directory: " + file.getParent() + " is in use by a server"
                                + (holder.isEmpty() ? "" : " (process " + holder + ")")
                                + " (expected: one server for each --state-dir)",
                        null);
            }
            opened.truncate(0);
            opened.write(ByteBuffer.wrap((ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.US_ASCII)));
            channel = opened;
        } catch (IOException e) {
            closeQuietly(opened, e);
            throw new StoreException("lock file: " + file + " cannot be used: " + e, e);
        }
    }

    private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            return null; // held by this very process
        }
    }

    private static void closeQuietly(@Nullable FileChannel channel, IOException cause) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                cause.addSuppressed(e);
            }
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new StoreException("lock file: cannot be closed: " + e, e);
        }
    }
}
