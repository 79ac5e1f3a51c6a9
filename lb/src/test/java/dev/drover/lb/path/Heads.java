package dev.drover.lb.path;

import static org.assertj.core.api.Assertions.assertThat;

/** Parsed request heads for tests. */
final class Heads {
    private Heads() {}

    /** @param fields whole lines without their ends */
    static RequestHead of(String requestLine, String... fields) {
        StringBuilder text = new StringBuilder(requestLine).append(" HTTP/1.1\r\n");
        for (String field : fields) {
            text.append(field).append("\r\n");
        }
        byte[] bytes = Ascii.bytes(text.append("\r\n").toString());
        RequestHead head = new RequestHead();
        assertThat(head.parse(bytes, bytes.length, 8_192, Fields.MAX_COUNT))
                .as(requestLine)
                .isZero();
        return head;
    }

    static RequestHead get(String host, String path) {
        return of("GET " + path, "Host: " + host);
    }
}
