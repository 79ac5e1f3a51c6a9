package dev.drover.controlplane.repository;

import dev.drover.controlplane.store.Store;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads and writes that are committed together, or tried again from the start when something that was read has changed
 * meanwhile. Used by one thread, within {@link Repository#transact} only.
 */
public final class Transaction {
    private final Repository repository;
    private final Map<String, Long> reads = new LinkedHashMap<>();
    private final Map<String, Write<?>> writes = new LinkedHashMap<>();
    private final Map<String, String> scopes = new LinkedHashMap<>();

    private record Write<T>(Kind<T> kind, @Nullable T value) {}

    Transaction(Repository repository) {
        this.repository = repository;
    }

    /** The record with that key; the commit fails and is tried again when it has changed since. */
    public <T> Optional<T> get(Kind<T> kind, String... path) {
        String key = kind.key(path);
        Write<?> write = writes.get(key);
        if (write != null) {
            return Optional.ofNullable(kind.type().cast(write.value()));
        }
        Optional<Versioned<T>> found = repository.versioned(kind, key);
        reads.putIfAbsent(key, found.map(Versioned::revision).orElse(0L));
        return found.map(Versioned::value);
    }

    /**
     * All records whose key begins with these parts, as committed (own writes are not seen). Records that appear or
     * change later do not fail the commit: call {@link #serialize} first when the answer depends on the whole list.
     */
    public <T> List<T> list(Kind<T> kind, String... path) {
        return repository.list(kind, path);
    }

    /**
     * Makes this transaction conflict with every other one that names the same scope, so that lists read after this call
     * are as good as locked. Used with {@code "environments"} by what creates or removes one, and with an environment's
     * id by what adds or removes hosts, stacks or services in it.
     */
    public void serialize(String scope) {
        String key = Repository.SCOPE_PREFIX + scope;
        reads.putIfAbsent(key, repository.scopeRevision(key));
        scopes.put(key, "");
    }

    /** Writes the record under its key. Without an earlier {@link #get} it replaces whatever is there. */
    public <T> void put(Kind<T> kind, T record) {
        writes.put(kind.key(record), new Write<>(kind, record));
    }

    /** Writes a record that must not exist yet. */
    public <T> void create(Kind<T> kind, T record) {
        String key = kind.key(record);
        reads.putIfAbsent(key, 0L);
        writes.put(key, new Write<>(kind, record));
    }

    public <T> void delete(Kind<T> kind, T record) {
        writes.put(kind.key(record), new Write<>(kind, null));
    }

    List<Store.Compare> compares() {
        return reads.entrySet().stream()
                .map(e -> new Store.Compare(e.getKey(), e.getValue()))
                .toList();
    }

    /** What is to be written; writes that would leave a record as it was read are left out. */
    List<Store.Op> ops() {
        List<Store.Op> ops = new ArrayList<>(writes.size() + scopes.size());
        writes.forEach((key, write) -> {
            Versioned<?> current = repository.versioned(key);
            boolean sameAsRead = current != null
                    && reads.getOrDefault(key, 0L) == current.revision()
                    && current.value().equals(write.value());
            if (write.value() == null) {
                ops.add(new Store.Op.Delete(key));
            } else if (!sameAsRead) {
                ops.add(new Store.Op.Put(key, Json.write(write.value())));
            }
        });
        if (!ops.isEmpty()) {
            scopes.forEach((key, value) -> ops.add(new Store.Op.Put(key, value)));
        }
        return ops;
    }
}
