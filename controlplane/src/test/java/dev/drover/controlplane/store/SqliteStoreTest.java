package dev.drover.controlplane.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.controlplane.store.Store.Entry;
import dev.drover.controlplane.store.Store.Event;
import dev.drover.controlplane.store.Store.Op;
import dev.drover.controlplane.store.Store.Range;
import java.io.BufferedReader;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class SqliteStoreTest extends StoreContract {
    @TempDir
    Path directory;

    @Override
    Store open() {
        return SqliteStore.open(directory.resolve("state"), RETAINED);
    }

    private void reopen() {
        store.close();
        store = open();
    }

    private Path file() {
        return directory.resolve("state/drover.db");
    }

    @Test
    void hasTheSameStateAndHistoryAfterAReopen() {
        store.commit(List.of(), List.of(new Op.Put("a", "1"), new Op.Put("b", "1")));
        store.commit(List.of(), List.of(new Op.Put("a", "2")));
        store.commit(List.of(), List.of(new Op.Delete("b")));
        Range before = store.list("");
        reopen();
        assertThat(store.list("")).isEqualTo(before);
        List<Event> events = new CopyOnWriteArrayList<>();
        try (Store.Watch watch = store.watch("", 1, events::addAll)) {
            Awaitility.await().until(() -> events.size() == 4);
            assertThat(events).contains(new Event("b", null, 3));
            assertThat(watch).isNotNull();
        }
        assertThat(store.commit(List.of(), List.of(new Op.Put("c", "1")))).isEqualTo(4);
    }

    @Test
    void keepsTheFileSmallByForgettingWhatIsSuperseded() throws Exception {
        for (int i = 0; i < 2_000; i++) {
            store.commit(List.of(), List.of(new Op.Put("k" + i % 10, "" + i), new Op.Put("once/" + i, "1")));
            store.commit(List.of(), List.of(new Op.Delete("once/" + i)));
        }
        Range before = store.list("");
        reopen();
        assertThat(store.list("")).isEqualTo(before);
        assertThat(store.revision()).isEqualTo(4_000);
        assertThat(count("SELECT count(*) FROM revisions")).isLessThan(1_500);
        assertThatThrownBy(() -> store.watch("", 1, events -> {})).isInstanceOf(Store.CompactedException.class);
    }

    private int count(String query) throws Exception {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file());
                Statement statement = connection.createStatement();
                ResultSet result = statement.executeQuery(query)) {
            return result.getInt(1);
        }
    }

    @Test
    void refusesADamagedFileAndSaysWhatToDo() throws Exception {
        for (int i = 0; i < 200; i++) {
            store.commit(List.of(), List.of(new Op.Put("k" + i, "x".repeat(500))));
        }
        store.close();
        try (RandomAccessFile damaged = new RandomAccessFile(file().toFile(), "rw")) {
            damaged.seek(damaged.length() / 2);
            damaged.write(new byte[8192]);
        }
        assertThatThrownBy(this::open)
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("drover.db")
                .hasMessageContaining("restore");
        Files.delete(file());
        Files.deleteIfExists(file().resolveSibling("drover.db-wal"));
        Files.deleteIfExists(file().resolveSibling("drover.db-shm"));
        store = open();
        assertThat(store.revision()).isZero();
    }

    @Test
    void refusesAFileThatIsNoDatabase() throws Exception {
        store.close();
        Files.writeString(file(), "this is no database, it only has its name".repeat(100));
        assertThatThrownBy(this::open).isInstanceOf(StoreException.class).hasMessageContaining("drover.db");
        Files.delete(file());
        store = open();
    }

    @Test
    void refusesAFileOfANewerVersion() throws Exception {
        store.close();
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file());
                Statement statement = connection.createStatement()) {
            statement.execute("PRAGMA user_version = 99");
        }
        assertThatThrownBy(this::open)
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("version 99")
                .hasMessageContaining("newer server");
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file());
                Statement statement = connection.createStatement()) {
            statement.execute("PRAGMA user_version = 1");
        }
        store = open();
    }

    @Test
    void refusesASecondStoreOnTheSameDirectory() {
        assertThatThrownBy(this::open)
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("is in use by a server (process "
                        + ProcessHandle.current().pid() + ")");
    }

    @Test
    void refusesToCommitOnceClosed() {
        store.close();
        assertThatThrownBy(() -> store.commit(List.of(), List.of(new Op.Put("a", "1"))))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("closed");
        store = open();
    }

    @Test
    @Tag("root")
    @Timeout(120)
    void refusesToCommitOnAFullDiskAndGoesOnWhenThereIsRoom() throws Exception {
        Path disk = Files.createDirectory(directory.resolve("disk"));
        String script = "mount -t tmpfs -o size=6m tmpfs \"$0\" && exec \"$@\"";
        Process process = new ProcessBuilder(List.of(
                        "unshare",
                        "--mount",
                        "sh",
                        "-c",
                        script,
                        disk.toString(),
                        java(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        FullDisk.class.getName(),
                        disk.toString()))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader lines = process.inputReader()) {
            assertThat(lines.lines().filter(line -> line.matches("[a-z]+=.*")))
                    .hasSize(4)
                    .satisfiesExactly(
                            refused -> assertThat(refused).contains("nothing was committed", "disk is full"),
                            kept -> assertThat(kept).isEqualTo("kept=true"),
                            again -> assertThat(again).isEqualTo("again=true"),
                            reopened -> assertThat(reopened).isEqualTo("reopened=true"));
        } finally {
            process.destroyForcibly();
        }
    }

    private static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    @Test
    @Timeout(180)
    void losesNothingThatWasAcknowledgedWhenTheProcessIsKilled() throws Exception {
        Path state = directory.resolve("killed");
        long seed = System.nanoTime();
        Random random = new Random(seed);
        long acknowledged = 0;
        for (int round = 0; round < 4; round++) {
            long last = runAndKill(state, 20 + random.nextInt(400));
            assertThat(last).as("seed %s", seed).isGreaterThan(acknowledged);
            acknowledged = last;
            try (SqliteStore survivor = SqliteStore.open(state, RETAINED)) {
                Entry entry = Objects.requireNonNull(survivor.get("last"));
                long stored = Long.parseLong(entry.value());
                assertThat(stored).as("seed %s", seed).isGreaterThanOrEqualTo(acknowledged);
                assertThat(survivor.revision()).isEqualTo(stored);
                assertThat(Objects.requireNonNull(survivor.get("n/" + stored % 100))
                                .value())
                        .as("both keys of one transaction")
                        .isEqualTo("" + stored);
            }
        }
    }

    /** @return the last number that the process said it had committed */
    private static long runAndKill(Path state, int commits) throws Exception {
        Process process = new ProcessBuilder(
                        java(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        CommitLoop.class.getName(),
                        state.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader lines = process.inputReader()) {
            String last = "0";
            for (int i = 0; i < commits; i++) {
                last = Objects.requireNonNull(lines.readLine(), "the process ended by itself");
            }
            process.toHandle().destroyForcibly(); // SIGKILL; what is in the pipe can still be read
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                last = line;
            }
            return Long.parseLong(last);
        } finally {
            process.destroyForcibly();
            process.waitFor(10, TimeUnit.SECONDS);
        }
    }
}
