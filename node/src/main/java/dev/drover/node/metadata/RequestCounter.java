package dev.drover.node.metadata;

import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;

/** Answers by HTTP status. */
final class RequestCounter {
    private final Map<Integer, LongAdder> byStatus = new ConcurrentSkipListMap<>();

    void count(int status) {
        byStatus.computeIfAbsent(status, _ -> new LongAdder()).increment();
    }

    Map<Integer, LongAdder> byStatus() {
        return byStatus;
    }
}
