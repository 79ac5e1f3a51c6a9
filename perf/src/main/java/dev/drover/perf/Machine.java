package dev.drover.perf;

import java.util.LinkedHashMap;
import java.util.Map;

/** The machine's part of the conditions of a benchmark. */
final class Machine {
    private Machine() {}

    /** Cores that this process may use, release of the kernel, version of Java; in this order. */
    static Map<String, Object> conditions() {
        Map<String, Object> conditions = new LinkedHashMap<>();
        conditions.put("cores", Runtime.getRuntime().availableProcessors());
        conditions.put("kernel", System.getProperty("os.version"));
        conditions.put("java", System.getProperty("java.version"));
        return conditions;
    }
}
