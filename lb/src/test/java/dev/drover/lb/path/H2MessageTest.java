package dev.drover.lb.path;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Whatever fields the other side of HTTP/2 sends, what comes of them is one head of HTTP/1.1 with these fields and no other;
 * and what becomes of that for a target of HTTP/2 is a request that holds before the same rules.
 */
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
    private static final List<String> REQUEST =
            List.of(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "t", "x-c", "d");
    private static final Forwarded FORWARDED = new Forwarded(
            Ascii.bytes("192.0.2.1"),
            Ascii.bytes("t"),
            Ascii.bytes("X-Forwarded-Proto: http\r\n"),
            Ascii.bytes("X-Forwarded-Port: 80\r\n"),
            false);
    private static final String ODD = "\r\n\0 \t:;,\"\u007f\u00ff\u0001aZ0/@[]%#?";

    private final byte[] scratch = new byte[2_048];
    private final H2Message message = new H2Message(scratch);
    private final RequestHead head = new RequestHead();
    private final H2Request outgoing = new H2Request();

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
            List<String> fields = fields(random, REQUEST);
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
                assertThat(sentOn(fields)).as(what).isTrue();
            }
        }
        assertThat(passed).as("heads that pass both parsers").isGreaterThan(1_000);
    }

    /** Whether the head that was parsed last makes a valid request for a target of HTTP/2. */
    private boolean sentOn(List<String> fields) {
        ByteBuf rewritten = head.rewrite(UnpooledByteBufAllocator.DEFAULT, FORWARDED);
        boolean chunked = head.chunked();
        long contentLength = Math.max(0, head.contentLength());
        boolean hostless = head.hostStart() == head.hostEnd();
        H2Received sent = new H2Received();
        outgoing.read(rewritten, false).forEach(field -> sent.add(field.getKey(), field.getValue()));
        rewritten.release();
        boolean framed = outgoing.chunked() == chunked && outgoing.contentLength() == contentLength;
        boolean whole = !fields.contains("x-c") || sent.contains("x-c");
        int length = message.request(sent, !chunked && contentLength == 0);
        // A Host without a name has no form in HTTP/2, and HTTP/1.1 wants one.
        int status = hostless ? 400 : 0;
        return framed && whole && length > 0 && head.parse(scratch, length, 1_024, Fields.MAX_COUNT) == status;
    }

    @Test
    void random_responses() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        ResponseHead response = new ResponseHead();
        int passed = 0;
        for (int round = 0; round < 100_000; round++) {
            List<String> fields = fields(random, List.of(":status", "200", "x-a", "b", "x-c", "d"));
            boolean empty = random.nextBoolean();
            int length = message.response(headers(fields), empty);
            if (length < 0) {
                continue;
            }
            String text = new String(scratch, 0, length, StandardCharsets.ISO_8859_1);
            String what = "seed " + seed + " round " + round + " " + fields;
            assertThat(text.indexOf("\r\n\r\n")).as(what).isEqualTo(length - 4);
            assertThat(text.replace("\r\n", "")).as(what).doesNotContain("\r", "\n", "\0");
            long added = empty && !fields.contains("content-length") ? 1 : 0;
            assertThat(text.lines().count()).as(what).isBetween(1L + fields.size() / 2, 1L + fields.size() / 2 + added);
            passed += response.parse(scratch, length) ? 1 : 0;
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

    private static List<String> fields(Random random, List<String> start) {
        List<String> fields = new ArrayList<>(start);
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
