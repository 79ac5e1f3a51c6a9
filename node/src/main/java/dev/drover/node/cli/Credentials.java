package dev.drover.node.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Logins of the user by server, in a file of mode 0600.
 *
 * @param current the server that commands use, null before the first login
 * @param servers address to login
 */
record Credentials(@Nullable String current, Map<String, Login> servers) {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /**
     * @param token session or API token
     * @param pin key of the server, null for plain HTTP on loopback
     */
    record Login(String token, @Nullable String pin) {}

    Credentials {
        servers = Map.copyOf(servers);
    }

    static Path path() {
        String base = System.getenv("XDG_CONFIG_HOME");
        Path config = base == null || base.isEmpty()
                ? Path.of(Objects.requireNonNullElse(System.getenv("HOME"), System.getProperty("user.home")), ".config")
                : Path.of(base);
        return config.resolve("drover").resolve("credentials.json");
    }

    static Credentials load(Path path) {
        try {
            return MAPPER.readValue(Files.readString(path), Credentials.class);
        } catch (NoSuchFileException e) {
            return new Credentials(null, Map.of());
        } catch (JsonProcessingException e) {
            throw new CliException(path + ": not a file written by drover login (expected: remove it and log in)", e);
        } catch (IOException e) {
            throw new CliException(path + ": cannot be read: " + e.getMessage(), e);
        }
    }

    /** With this login, which becomes the current one. */
    Credentials with(String server, Login login) {
        Map<String, Login> next = new TreeMap<>(servers);
        next.put(server, login);
        return new Credentials(server, next);
    }

    void save(Path path) {
        try {
            Path directory = Objects.requireNonNull(path.getParent());
            Files.createDirectories(directory);
            Path temporary = Files.createTempFile(
                    directory,
                    "credentials",
                    ".new",
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(temporary, MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(this) + "\n");
            Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new CliException(path + ": cannot be written: " + e.getMessage(), e);
        }
    }
}
