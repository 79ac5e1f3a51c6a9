package dev.drover.node.state;

import dev.drover.overlay.Encryption;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Set;

/** A tunnel endpoint's private key on disk: one line of Base64 that only the owner can read. */
public final class PrivateKeyFile {
    private static final int MAX_BYTES = 1_024;
    private static final Set<PosixFilePermission> OWNERS = EnumSet.of(
            PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE, PosixFilePermission.OWNER_EXECUTE);

    private PrivateKeyFile() {}

    /** @throws IllegalArgumentException what is wrong with the file, without what is in it */
    public static Encryption read(Path path) {
        try {
            Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(path);
            if (!OWNERS.containsAll(permissions)) {
                throw new IllegalArgumentException(path + " has mode " + PosixFilePermissions.toString(permissions)
                        + " (expected: readable by its owner only, chmod 600)");
            }
            if (Files.size(path) > MAX_BYTES) {
                throw new IllegalArgumentException(path + " is no key (expected: a file of drover overlay keygen)");
            }
            return Encryption.parse(Files.readString(path, StandardCharsets.US_ASCII));
        } catch (NoSuchFileException e) {
            throw new IllegalArgumentException(path + " is missing (expected: a file of drover overlay keygen)", e);
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    path + " cannot be read: " + e.getClass().getSimpleName() + " (expected: a file)", e);
        }
    }

    /**
     * Writes a new key to a new file.
     *
     * @throws IllegalArgumentException the file exists, or cannot be made
     */
    public static Encryption create(Path path) {
        Encryption key = Encryption.generate();
        try (FileChannel channel = FileChannel.open(
                path,
                EnumSet.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
            ByteBuffer text = ByteBuffer.wrap((key.privateText() + "\n").getBytes(StandardCharsets.US_ASCII));
            while (text.hasRemaining()) {
                channel.write(text);
            }
            channel.force(true);
            return key;
        } catch (FileAlreadyExistsException e) {
            throw new IllegalArgumentException(path + " exists (expected: a new file, a key is never replaced)", e);
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    path + " cannot be written: " + e.getClass().getSimpleName() + " (expected: a new file)", e);
        }
    }
}
