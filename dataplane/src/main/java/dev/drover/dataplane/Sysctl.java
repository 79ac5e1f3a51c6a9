package dev.drover.dataplane;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Network settings under {@code /proc/sys/net}. The kernel shows each thread those of its own namespace: to set those
 * of another one, call from within {@link NetNs#run}.
 */
public final class Sysctl {
    private static final Path ROOT = Path.of("/proc/sys/net");

    private Sysctl() {}

    /** Whether the setting exists, {@code ipv4/ip_forward} for instance; those of modules come with the module. */
    public static boolean exists(String key) {
        return Files.exists(path(key));
    }

    /** The value without surrounding white space. */
    public static String read(String key) {
        try {
            return Files.readString(path(key)).strip();
        } catch (IOException e) {
            throw new UncheckedIOException("read sysctl net/" + key, e);
        }
    }

    /** Writes unless the value is already so; true when it has changed. */
    public static boolean ensure(String key, int value) {
        String text = Integer.toString(value);
        if (read(key).equals(text)) {
            return false;
        }
        try {
            Files.write(path(key), text.getBytes(StandardCharsets.US_ASCII), StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw new UncheckedIOException("write sysctl net/" + key + " = " + text, e);
        }
        return true;
    }

    /** As {@link #ensure}; false when the setting does not exist either. */
    public static boolean ensureIfPresent(String key, int value) {
        return exists(key) && ensure(key, value);
    }

    /** An interface may have dots in its name, so the parts of a key are parted by slashes. */
    private static Path path(String key) {
        Path path = ROOT.resolve(key).normalize();
        if (!path.startsWith(ROOT) || path.equals(ROOT)) {
            throw new IllegalArgumentException("sysctl: " + key + " (expected: a key such as ipv4/ip_forward)");
        }
        return path;
    }
}
