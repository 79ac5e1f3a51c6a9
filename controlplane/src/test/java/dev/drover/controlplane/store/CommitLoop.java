package dev.drover.controlplane.store;

import dev.drover.controlplane.store.Store.Op;
import java.nio.file.Path;
import java.util.List;

/** A process that commits one number after the other and says so, until it is killed. */
final class CommitLoop {
    private CommitLoop() {}

    public static void main(String[] args) {
        try (SqliteStore store = SqliteStore.open(Path.of(args[0]), 64)) {
            for (long i = store.revision() + 1; ; i++) {
                store.commit(List.of(), List.of(new Op.Put("last", "" + i), new Op.Put("n/" + i % 100, "" + i)));
                System.out.println(i);
            }
        }
    }
}
