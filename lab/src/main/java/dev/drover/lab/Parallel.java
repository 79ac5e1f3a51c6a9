package dev.drover.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/** Does the same with several things at once. */
final class Parallel {
    private Parallel() {}

    /** Returns when all are done; throws the first failure after that. */
    static <T> void forEach(List<T> items, Consumer<T> work) {
        List<Future<?>> all = new ArrayList<>();
        try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
            items.forEach(item -> all.add(executor.submit(() -> work.accept(item))));
        }
        for (Future<?> each : all) {
            try {
                each.get();
            } catch (ExecutionException e) {
                throw e.getCause() instanceof LabException known ? known : new LabException("" + e.getCause(), e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new LabException("interrupted", e);
            }
        }
    }
}
