package dev.drover.lb;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a UDP listener has relayed since it was made.
 *
 * @param received datagrams of clients that a target got
 * @param sent datagrams of targets that a client got
 * @param dropped reason, in lower case, to datagrams that went nowhere, without what never happened; {@code receive_queue_full}
 *     is what the kernel threw away before it was read
 */
public record DatagramStatus(long received, long receivedBytes, long sent, long sentBytes, Map<String, Long> dropped) {
    public DatagramStatus {
        dropped = Collections.unmodifiableMap(new LinkedHashMap<>(dropped));
    }

    DatagramStatus plus(DatagramStatus other) {
        Map<String, Long> sums = new LinkedHashMap<>(dropped);
        other.dropped.forEach((why, count) -> sums.merge(why, count, Long::sum));
        return new DatagramStatus(
                received + other.received,
                receivedBytes + other.receivedBytes,
                sent + other.sent,
                sentBytes + other.sentBytes,
                sums);
    }
}
