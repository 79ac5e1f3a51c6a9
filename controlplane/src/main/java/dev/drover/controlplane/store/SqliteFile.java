package dev.drover.controlplane.store;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The database file: an append-only table of rows, one for each key of each transaction. Used by one thread at a time.
 *
 * <p>WAL with {@code synchronous=FULL}: when {@link #append} returns, the rows have been fsynced.
 */
final class SqliteFile implements AutoCloseable {
    private static final int SCHEMA_VERSION = 1;
    private static final List<String> SCHEMA = List.of(
            "CREATE TABLE revisions (revision INTEGER NOT NULL, key TEXT NOT NULL, value TEXT,"
                    + " create_revision INTEGER NOT NULL, PRIMARY KEY (revision, key)) WITHOUT ROWID",
            "CREATE INDEX revisions_by_key ON revisions (key, revision)",
            "CREATE TABLE compaction (compacted INTEGER NOT NULL)",
            "INSERT INTO compaction VALUES (0)");

    private final Path file;
    private final Connection connection;
    private final Statement control;
    private final PreparedStatement insert;
    private final PreparedStatement passed;
    private final PreparedStatement deleteOlder;
    private final PreparedStatement deleteOne;
    private final PreparedStatement setCompacted;

    /** @throws StoreException when the file is damaged, of a newer version or cannot be used */
    SqliteFile(Path file) {
        this.file = file;
        Connection opened = null;
        try {
            opened = DriverManager.getConnection("jdbc:sqlite:" + file);
            configure(opened);
            checkIntegrity(opened);
            migrate(opened);
            control = opened.createStatement();
            insert = opened.prepareStatement("INSERT INTO revisions VALUES (?, ?, ?, ?)");
            passed = opened.prepareStatement("SELECT key, revision, value IS NULL FROM revisions WHERE revision > ?"
                    + " AND revision <= ? ORDER BY revision");
            deleteOlder = opened.prepareStatement("DELETE FROM revisions WHERE key = ? AND revision < ?");
            deleteOne = opened.prepareStatement("DELETE FROM revisions WHERE key = ? AND revision = ?");
            setCompacted = opened.prepareStatement("UPDATE compaction SET compacted = ?");
            connection = opened;
        } catch (SQLException e) {
            StoreException failure = unusable(e);
            closeAfter(opened, failure);
            throw failure;
        } catch (StoreException e) {
            closeAfter(opened, e);
            throw e;
        }
    }

    private static void configure(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("PRAGMA journal_mode = WAL");
            statement.execute("PRAGMA synchronous = FULL");
            statement.execute("PRAGMA busy_timeout = 10000"); // a backup tool may hold the file for a moment
        }
    }

    private void checkIntegrity(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet result = statement.executeQuery("PRAGMA integrity_check(1)")) {
            if (!result.next() || !"ok".equals(result.getString(1))) {
                throw new StoreException(
                        "store: " + file + " is damaged: " + result.getString(1)
                                + " (expected: integrity_check ok; restore the file from a backup)",
                        null);
            }
        }
    }

    private void migrate(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            int version;
            try (ResultSet result = statement.executeQuery("PRAGMA user_version")) {
                version = result.getInt(1);
            }
            if (version > SCHEMA_VERSION) {
                throw new StoreException(
                        "store: " + file + " has version " + version + " (expected: at most " + SCHEMA_VERSION
                                + "; it was written by a newer server)",
                        null);
            }
            if (version == 0) {
                statement.execute("BEGIN IMMEDIATE");
                for (String each : SCHEMA) {
                    statement.execute(each);
                }
                statement.execute("PRAGMA user_version = " + SCHEMA_VERSION);
                statement.execute("COMMIT");
            }
        }
    }

    long compacted() {
        try (Statement statement = connection.createStatement();
                ResultSet result = statement.executeQuery("SELECT compacted FROM compaction")) {
            return result.getLong(1);
        } catch (SQLException e) {
            throw unusable(e);
        }
    }

    /** Every row that is kept, oldest first. */
    void forEachRow(Consumer<Row> consumer) {
        try (Statement statement = connection.createStatement();
                ResultSet result = statement.executeQuery(
                        "SELECT key, value, create_revision, revision FROM revisions ORDER BY revision, key")) {
            while (result.next()) {
                consumer.accept(
                        new Row(result.getString(1), result.getString(2), result.getLong(3), result.getLong(4)));
            }
        } catch (SQLException e) {
            throw unusable(e);
        }
    }

    /** Writes all rows in one database transaction, or none. */
    void append(List<List<Row>> transactions) {
        inTransaction(() -> {
            for (List<Row> rows : transactions) {
                for (Row row : rows) {
                    insert.setLong(1, row.revision());
                    insert.setString(2, row.key());
                    insert.setString(3, row.value());
                    insert.setLong(4, row.createRevision());
                    insert.executeUpdate();
                }
            }
        });
    }

    /** Forgets what rows in {@code (from, upTo]} have superseded; {@code upTo} cannot be watched from any more. */
    void compact(long from, long upTo) {
        inTransaction(() -> {
            List<Row> rows = new ArrayList<>();
            passed.setLong(1, from);
            passed.setLong(2, upTo);
            try (ResultSet result = passed.executeQuery()) {
                while (result.next()) {
                    rows.add(new Row(result.getString(1), result.getBoolean(3) ? null : "", 0, result.getLong(2)));
                }
            }
            for (Row row : rows) {
                forget(row.key(), row.revision(), row.value() == null);
            }
            setCompacted.setLong(1, upTo);
            setCompacted.executeUpdate();
        });
    }

    private void forget(String key, long revision, boolean tombstone) throws SQLException {
        deleteOlder.setString(1, key);
        deleteOlder.setLong(2, revision);
        deleteOlder.executeUpdate();
        if (tombstone) {
            deleteOne.setString(1, key);
            deleteOne.setLong(2, revision);
            deleteOne.executeUpdate();
        }
    }

    private interface Work {
        void run() throws SQLException;
    }

    /**
     * Transactions are begun and ended here and not by the driver: SQLite itself rolls back when the disk is full, and the
     * driver would take the following statements for part of a transaction that is no more.
     */
    private void inTransaction(Work work) {
        try {
            control.execute("BEGIN IMMEDIATE");
            work.run();
            control.execute("COMMIT");
        } catch (SQLException e) {
            StoreException failure = new StoreException("store: " + file + " cannot be written: " + e.getMessage(), e);
            rollBack(failure);
            throw failure;
        }
    }

    private void rollBack(StoreException failure) {
        try {
            control.execute("ROLLBACK");
        } catch (SQLException e) {
            failure.addSuppressed(e); // most often: SQLite has rolled back already
        }
    }

    private StoreException unusable(SQLException cause) {
        return new StoreException(
                "store: " + file + " cannot be read: " + cause.getMessage()
                        + " (expected: a readable SQLite database; restore it from a backup)",
                cause);
    }

    private static void closeAfter(@Nullable Connection connection, StoreException failure) {
        if (connection != null) {
            try {
                connection.close();
            } catch (SQLException e) {
                failure.addSuppressed(e);
            }
        }
    }

    @Override
    public void close() {
        try {
            connection.close();
        } catch (SQLException e) {
            throw new StoreException("store: " + file + " cannot be closed: " + e.getMessage(), e);
        }
    }
}
