package dev.drover.node.state;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.lb.TlsConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;

/**
 * Certificates and keys that the control plane sent, as the files the load balancer reads; mode 0600 in a directory of mode
 * 0700. The name of a file tells its contents: another certificate of the same name is another file, so that the load
 * balancer never sees one half of a pair without the other. One thread at a time.
 *
 * @param directory made when it is needed
 */
public record CertificateFiles(Path directory) {
    private static final int DIGEST_CHARS = 32;

    /** Where the files of {@code item} are, or will be. */
    public TlsConfig.Certificate of(DesiredItem.Certificate item) {
        if (!item.name().matches("[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")) {
            throw new IllegalArgumentException("certificate: " + item.name() + " (expected: a name)");
        }
        String base = item.name() + "-" + digest(item);
        return new TlsConfig.Certificate(directory.resolve(base + ".pem"), directory.resolve(base + ".key"));
    }

    /**
     * Writes those that are not there yet.
     *
     * @throws UncheckedIOException when one cannot be written
     */
    public void write(Collection<DesiredItem> items) {
        try {
            for (DesiredItem item : items) {
                if (item instanceof DesiredItem.Certificate certificate) {
                    Files.createDirectories(
                            directory,
                            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
                    TlsConfig.Certificate files = of(certificate);
                    write(files.key(), certificate.key());
                    write(files.certificate(), certificate.certificate());
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("certificates: " + directory + " cannot be written", e);
        }
    }

    /** Deletes those that are not among {@code items}. */
    public void keepOnly(Collection<DesiredItem> items) {
        if (!Files.isDirectory(directory)) {
            return;
        }
        Set<Path> wanted = new HashSet<>();
        for (DesiredItem item : items) {
            if (item instanceof DesiredItem.Certificate certificate) {
                TlsConfig.Certificate files = of(certificate);
                wanted.addAll(List.of(files.key(), files.certificate()));
            }
        }
        try (var files = Files.list(directory)) {
            for (Path file : files.toList()) {
                if (!wanted.contains(file)) {
                    Files.deleteIfExists(file);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("certificates: " + directory + " cannot be cleaned", e);
        }
    }

    private static void write(Path file, String text) throws IOException {
        if (!Files.exists(file)) {
            new AtomicFile(file).write(text);
        }
    }

    private static String digest(DesiredItem.Certificate item) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(item.certificate().getBytes(StandardCharsets.UTF_8));
            digest.update(item.key().getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest.digest()).substring(0, DIGEST_CHARS);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
