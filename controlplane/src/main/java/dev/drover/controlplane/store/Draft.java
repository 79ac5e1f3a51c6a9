package dev.drover.controlplane.store;

import dev.drover.controlplane.store.Store.Compare;
import dev.drover.controlplane.store.Store.Entry;
import dev.drover.controlplane.store.Store.Op;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Transactions that have been accepted but are not on disk yet, on top of the published state. Later ones see the earlier
 * ones. Used by the single writer only.
 */
final class Draft {
    private final MirroredState state;
    private final Map<String, Optional<Entry>> overlay = new HashMap<>();
    private final List<List<Row>> transactions = new ArrayList<>();
    private long revision;

    Draft(MirroredState state) {
        this.state = state;
        this.revision = state.revision();
    }

    /** @return the revision that the transaction will have, or -1 when a comparison does not hold */
    long add(List<Compare> compares, List<Op> ops) {
        for (Compare compare : compares) {
            Entry entry = current(compare.key());
            if ((entry == null ? 0 : entry.modRevision()) != compare.modRevision()) {
                return -1;
            }
        }
        List<Row> rows = rows(ops, revision + 1);
        if (rows.isEmpty()) {
            return revision;
        }
        revision++;
        for (Row row : rows) {
            String value = row.value();
            overlay.put(
                    row.key(),
                    value == null
                            ? Optional.empty()
                            : Optional.of(new Entry(row.key(), value, row.createRevision(), row.revision())));
        }
        transactions.add(rows);
        return revision;
    }

    /** Rows of each accepted transaction, oldest first. */
    List<List<Row>> transactions() {
        return transactions;
    }

    private List<Row> rows(List<Op> ops, long at) {
        List<Row> rows = new ArrayList<>(ops.size());
        Set<String> keys = new HashSet<>();
        for (Op op : ops) {
            String key = switch (op) {
                case Op.Put put -> put.key();
                case Op.Delete delete -> delete.key();
            };
            if (key.isEmpty() || !keys.add(key)) {
                throw new IllegalArgumentException(
                        "operation: key '" + key + "' (expected: not empty, once in a transaction)");
            }
            Entry before = current(key);
            switch (op) {
                case Op.Put put ->
                    rows.add(new Row(key, put.value(), before == null ? at : before.createRevision(), at));
                case Op.Delete _ when before != null -> rows.add(new Row(key, null, before.createRevision(), at));
                case Op.Delete _ -> {} // deleting what is not there changes nothing
            }
        }
        return List.copyOf(rows);
    }

    private @Nullable Entry current(String key) {
        Optional<Entry> pending = overlay.get(key);
        return pending == null ? state.get(key) : pending.orElse(null);
    }
}
