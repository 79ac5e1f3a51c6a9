package dev.drover.dns.path;

import java.nio.charset.StandardCharsets;

/** Names relative to the zone in the form of the wire: each label behind its length, no root at the end. */
final class LabelBytes {
    private static final int MAX_LABEL = 63;

    private LabelBytes() {}

    /**
     * @param relative lower case, without final dot
     * @throws IllegalArgumentException when a label is empty or too long
     */
    static byte[] of(String relative) {
        byte[] bytes = ("." + relative).getBytes(StandardCharsets.ISO_8859_1);
        int start = 0;
        for (int at = 1; at <= bytes.length; at++) {
            if (at == bytes.length || bytes[at] == '.') {
                int label = at - start - 1;
                if (label == 0 || label > MAX_LABEL) {
                    throw new IllegalArgumentException("name: " + relative + " (expected: labels of 1 to 63 bytes)");
                }
                bytes[start] = (byte) label;
                start = at;
            }
        }
        return bytes;
    }

    static int count(byte[] labels) {
        int count = 0;
        for (int at = 0; at < labels.length; at += labels[at] + 1) {
            count++;
        }
        return count;
    }
}
