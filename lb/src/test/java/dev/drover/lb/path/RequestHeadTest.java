package dev.drover.lb.path;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Heads put together at random from what has a meaning, and spoiled: the fast parser reads in them what a slow one does. */
class RequestHeadTest {
    private static final int ROUNDS = 200_000;
    private static final String[] METHODS = {"GET", "GET", "POST", "OPTIONS", "HEAD", "CONNECT", "get", "M-SEARCH"};
    private static final String[] TARGETS = {
        "/",
        "/",
        "/a?b",
        "*",
        "http://a",
        "HTTP://b:80/x",
        "https://[::1]?q",
        "http://",
        "http://u@h/",
        "a",
        "//x",
        "/#"
    };
    private static final String[] VERSIONS = {"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.2"};
    private static final String[] FIELDS = {
        "Host: a",
        "Host:a:80 ",
        "Host: [::1]:8",
        "Host: a,b",
        "host:",
        "Content-Length: 0",
        "Content-Length: 12",
        "content-length: +1",
        "Content-Length: 1, 1",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding:\tCHUNKED\t",
        "Transfer-Encoding: gzip, chunked",
        "Connection: close",
        "Connection: keep-alive, X-A",
        "Connection: Upgrade",
        "Connection: host",
        "Connection: , ,a b",
        "Upgrade: websocket",
        "Upgrade: x, h2c",
        "Upgrade: h2c;q",
        "Expect: 100-Continue",
        "Expect: more",
        "TE: trailers",
        "X-A: b c",
        "X-Forwarded-For: 192.0.2.7",
        "Proxy: x",
        "Keep-Alive: 5",
        "X:",
        " folded"
    };
    private static final String ODD = "\r\n\0 \t:;,\"\u007f\u0080\u00ff\u0001aZ0/@[]%#?*";
    private static final Forwarded FORWARDED = new Forwarded(
            Ascii.bytes("192.0.2.1"),
            Ascii.bytes("t"),
            Ascii.bytes("X-Forwarded-Proto: http\r\n"),
            Ascii.bytes("X-Forwarded-Port: 80\r\n"),
            false);

    private final RequestHead head = new RequestHead();

    @Test
    void it_takes_and_understands_what_the_slow_parser_does() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int taken = 0;
        for (int round = 0; round < ROUNDS; round++) {
            String text = text(random);
            String what = "seed " + seed + " round " + round + " " + text;
            ReferenceHead wanted = ReferenceHead.read(text);
            byte[] bytes = Ascii.bytes(text);
            int status = head.parse(bytes, bytes.length, 8_192, Fields.MAX_COUNT);
            assertThat(status == 0).as(what + " is " + status).isEqualTo(wanted != null);
            if (wanted != null) {
                taken++;
                assertThat(understood()).as(what).isEqualTo(wanted);
                sentOn(what, wanted);
            }
        }
        assertThat(taken).as("heads that are taken").isBetween(ROUNDS / 50, ROUNDS / 2);
    }

    private ReferenceHead understood() {
        byte[] bytes = head.bytes();
        int methodEnd = 0;
        while (bytes[methodEnd] != ' ') {
            methodEnd++;
        }
        int targetEnd = head.pathStart();
        while (bytes[targetEnd] != ' ') {
            targetEnd++;
        }
        return new ReferenceHead(
                text(bytes, 0, methodEnd),
                text(bytes, head.pathStart(), targetEnd),
                head.hostStart() < 0 ? null : text(bytes, head.hostStart(), head.hostEnd()),
                head.http10(),
                head.keepAlive(),
                head.chunked(),
                head.contentLength(),
                head.expectContinue(),
                head.upgrade());
    }

    /** What targets get is a valid head of the same meaning, whatever was said to this hop. */
    private void sentOn(String what, ReferenceHead came) {
        ByteBuf rewritten = head.rewrite(UnpooledByteBufAllocator.DEFAULT, FORWARDED);
        String text = rewritten.toString(StandardCharsets.ISO_8859_1);
        rewritten.release();
        ReferenceHead sent = ReferenceHead.read(text);
        assertThat(sent).as(what + " sent as " + text).isNotNull();
        boolean whole = came.target().isEmpty() && came.method().equals("OPTIONS");
        boolean bare = came.target().isEmpty() || came.target().startsWith("?");
        String target = whole ? "*" : bare ? "/" + came.target() : came.target();
        assertThat(sent)
                .as(what + " sent as " + text)
                .isEqualTo(new ReferenceHead(
                        came.method(),
                        target,
                        came.host() == null ? "t" : came.host(),
                        false,
                        true,
                        came.chunked(),
                        came.length(),
                        came.expectContinue(),
                        came.upgrade()));
        assertThat(text.toLowerCase(Locale.ROOT))
                .as(what)
                .doesNotContain("\r\nproxy:", "\r\nkeep-alive:")
                .containsOnlyOnce("\r\nx-forwarded-for: 192.0.2.1\r\n")
                .containsOnlyOnce("\r\nx-forwarded-for:");
    }

    private static String text(byte[] bytes, int from, int to) {
        return new String(Arrays.copyOfRange(bytes, from, to), StandardCharsets.ISO_8859_1);
    }

    /** Up to the first empty line, where a head ends. */
    private static String text(Random random) {
        StringBuilder text = new StringBuilder(one(random, METHODS))
                .append(' ')
                .append(one(random, TARGETS))
                .append(' ')
                .append(one(random, VERSIONS))
                .append("\r\n");
        for (int i = random.nextInt(5); i >= 0; i--) {
            text.append(i == 0 && random.nextInt(8) > 0 ? "Host: t" : one(random, FIELDS))
                    .append("\r\n");
        }
        text.append("\r\n");
        for (int i = random.nextInt(3); i > 0; i--) {
            int at = random.nextInt(text.length());
            text.replace(at, at + random.nextInt(2), ODD.charAt(random.nextInt(ODD.length())) + "");
        }
        text.append("\r\n\r\n");
        return text.substring(0, text.indexOf("\r\n\r\n") + 4);
    }

    private static String one(Random random, String[] of) {
        return of[random.nextInt(of.length)];
    }
}
