package dev.drover.lb.path;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Routes by host, looked up with the bytes of a request head in any case; immutable, open addressing. */
final class HostTable {
    private final byte[][] hosts;
    private final Route[][] routes;
    private final int mask;

    /** @param byHost hosts in lower case */
    HostTable(Map<String, List<Route>> byHost) {
        int size = Integer.highestOneBit(Math.max(1, byHost.size()) * 2 - 1) * 2;
        mask = size - 1;
        hosts = new byte[size][];
        routes = new Route[size][];
        byHost.forEach((host, list) -> {
            byte[] bytes = Ascii.bytes(host);
            int at = hash(bytes, 0, bytes.length) & mask;
            while (routes[at] != null) {
                at = (at + 1) & mask;
            }
            hosts[at] = bytes;
            routes[at] = list.toArray(Route[]::new);
        });
    }

    Route @Nullable [] find(byte[] bytes, int from, int to) {
        int at = hash(bytes, from, to) & mask;
        while (routes[at] != null) {
            if (Ascii.equal(bytes, from, to, hosts[at])) {
                return routes[at];
            }
            at = (at + 1) & mask;
        }
        return null;
    }

    private static int hash(byte[] bytes, int from, int to) {
        int hash = 0x811c9dc5;
        for (int i = from; i < to; i++) {
            hash = (hash ^ Ascii.lower(bytes[i])) * 0x01000193;
        }
        return hash ^ (hash >>> 16);
    }
}
