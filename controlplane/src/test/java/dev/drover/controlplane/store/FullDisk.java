package dev.drover.controlplane.store;

import dev.drover.controlplane.store.Store.Op;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A process that commits until the disk is full, makes room, and commits once more. */
final class FullDisk {
    private FullDisk() {}

    public static void main(String[] args) throws IOException {
        Path disk = Path.of(args[0]);
        Path ballast = disk.resolve("ballast");
        Files.write(ballast, new byte[2 << 20]);
        try (SqliteStore store = SqliteStore.open(disk.resolve("state"))) {
            long filled = fill(store);
            System.out.println("kept="
                    + (store.revision() == filled && store.list("").entries().size() == filled));
            Files.delete(ballast);
            long next = store.commit(List.of(), List.of(new Op.Put("after", "1")));
            System.out.println("again=" + (next == filled + 1));
        }
        try (SqliteStore store = SqliteStore.open(disk.resolve("state"))) {
            System.out.println("reopened=" + (store.get("after") != null && store.get("k" + store.revision()) == null));
        }
    }

    private static long fill(SqliteStore store) {
        for (long i = 1; ; i++) {
            try {
                store.commit(List.of(), List.of(new Op.Put("k" + i, "x".repeat(10_000))));
            } catch (StoreException e) {
                System.out.println("refused=" + e.getMessage());
                return i - 1;
            }
        }
    }
}
