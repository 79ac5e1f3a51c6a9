package dev.drover.lb.path;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever fields a client of HTTP/2 sends, what comes of them is one head of HTTP/1.1 with these fields and no other. */
class H2MessageTest {
    private static final String[] NAMES = {
        ":method",
        ":scheme",
        ":path",
        ":authority",
        ":status",
        "host",
        "cookie",
        "te",
        "content-length",
        "transfer-encoding",
        "connection",
        "x-a",
        "x-b",
        "expect"
    };
    private static final String[] VALUES = {
        "GET",
        "http",
        "/",
        "/a?b",
        "t",
        "t:80",
        "trailers",
        "0",
        "5",
        "chunked",
        "close",
        "100-continue",
        "",
        "*",
        "a=1"
    };
    private static final String ODD = "\r\n\0 \t:;,\"\u007f\u00ff\u0001aZ0/@[]%#?";

    private final byte[] scratch = new byte[2_048];
    private final H2Message message = new H2Message(scratch);
    private final RequestHead head = new RequestHead();

    private static H2Received headers(List<String> fields) {
        H2Received headers = new H2Received();
        for (int i = 0; i < fields.size(); i += 2) {
            headers.add(fields.get(i), fields.get(i + 1));
        }
        return headers;
    }

    @Test
    void random_fields() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int passed = 0;
        for (int round = 0; round < 300_000; round++) {
            List<String> fields = fields(random);
            int length = message.request(headers(fields), random.nextBoolean());
            if (length < 0) {
                continue;
            }
            String text = new String(scratch, 0, length, StandardCharsets.ISO_8859_1);
            String what = "seed " + seed + " round " + round + " " + fields;
            assertThat(text).as(what).endsWith("\r\n\r\n");
            assertThat(text.indexOf("\r\n\r\n")).as(what).isEqualTo(length - 4);
            assertThat(text.replace("\r\n", "")).as(what).doesNotContain("\r", "\n", "\0");
            assertThat(text.lines().count()).as(what).isEqualTo(lines(fields, text));
            if (head.parse(scratch, length, 1_024, Fields.MAX_COUNT) == 0) {
                passed++;
            }
        }
        assertThat(passed).as("heads that pass both parsers").isGreaterThan(1_000);
    }

    /** Request line, one line a field, one Host, one Cookie, Transfer-Encoding, and the empty line. */
    private static long lines(List<String> fields, String text) {
        long regular = 0;
        boolean host = false;
        boolean cookie = false;
        for (int i = 0; i < fields.size(); i += 2) {
            switch (fields.get(i)) {
                case ":authority", "host" -> host = true;
                case "cookie" -> cookie = true;
                case ":method", ":scheme", ":path", ":status" -> {}
                default -> regular++;
            }
        }
        boolean chunked = text.toLowerCase(Locale.ROOT).contains("\r\ntransfer-encoding: chunked\r\n");
        return 2 + regular + (host ? 1 : 0) + (cookie ? 1 : 0) + (chunked ? 1 : 0);
    }

    private static List<String> fields(Random random) {
        List<String> fields = new ArrayList<>(
                List.of(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "t", "x-c", "d"));
        for (int i = random.nextInt(4); i > 0; i--) {
            int at = 2 * random.nextInt(fields.size() / 2 + 1);
            fields.add(at, VALUES[random.nextInt(VALUES.length)]);
            fields.add(at, NAMES[random.nextInt(NAMES.length)]);
        }
        for (int i = random.nextInt(3); i > 0; i--) {
            int at = random.nextInt(fields.size());
            String old = fields.get(at);
            int where = random.nextInt(old.length() + 1);
            fields.set(at, old.substring(0, where) + ODD.charAt(random.nextInt(ODD.length())) + old.substring(where));
        }
        if (random.nextInt(8) == 0) {
            int at = 2 * random.nextInt(fields.size() / 2);
            fields.remove(at);
            fields.remove(at);
        }
        return fields;
    }
}
