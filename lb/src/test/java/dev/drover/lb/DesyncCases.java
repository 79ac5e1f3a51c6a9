package dev.drover.lb;

import dev.drover.lb.ForeignOrigin.Seen;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Requests of which two HTTP parsers have been known to make different things, as HAProxy's regression tests, nginx's tests
 * and the HTTP Garden have published them, and the mutations of request smuggling research: each is either refused as a
 * whole, or has one meaning.
 */
@SuppressWarnings("StringConcatToTextBlock") // line ends are the point
final class DesyncCases {
    private static final String HOST = "Host: a\r\n";
    private static final String GET = "GET / HTTP/1.1\r\n" + HOST;
    private static final String POST = "POST / HTTP/1.1\r\n" + HOST;
    private static final String CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n";
    /** What a parser reads that sees the end of the body where there is none. */
    private static final String INNER = "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n";

    /** Bytes of one connection whose requests all have one meaning. */
    record Served(String bytes, List<Seen> seen) {}

    /** Fields of a request of HTTP/2 and its DATA; the meaning of what it is turned into, or null where it is refused. */
    record H2(List<String> fields, String data, Seen seen) {}

    private DesyncCases() {}

    /** Refused; to the status of the response. */
    static Map<String, Integer> refused() {
        Map<String, Integer> table = new LinkedHashMap<>();
        chunks(table);
        fields(table);
        lengths(table);
        codings(table);
        lines(table);
        return table;
    }

    private static void chunks(Map<String, Integer> table) {
        table.put(CHUNKED + "0_2e\r\n\r\n" + INNER + "0\r\n\r\n", 400);
        table.put(CHUNKED + "0x2e\r\n\r\n" + INNER + "0\r\n\r\n", 400);
        table.put(CHUNKED + "\r\n\r\n", 400);
        table.put(CHUNKED + "5\r\r;ABCD\r\n34\r\nE\r\n0\r\n\r\n" + INNER, 400);
        table.put(CHUNKED + "41;a=b\r\rXXXXX\r\n0\r\n\r\n" + INNER, 400);
        table.put(CHUNKED + "2\r\r;a\r\n02\r\n41\r\n0\r\n\r\n" + INNER, 400);
        table.put(CHUNKED + "2;\nxx\r\n4c\r\n0\r\n\r\n" + INNER, 400);
        table.put(CHUNKED + "2;\n\r\nxx\r\n0\r\n\r\n", 400);
        table.put(CHUNKED + "INVALID!!!\r\n" + INNER, 400);
        table.put(CHUNKED + "1these-bytes-are-not-validated\r\nZ\r\n0\r\n\r\n", 400);
        table.put(CHUNKED + "Z\r\nZZ\r\nZZZ\r\n\r\n", 400);
        table.put(CHUNKED + "a\r\n0123456789\n0\r\n\r\n", 400);
        table.put(CHUNKED + "1\r0\n", 400);
        table.put(CHUNKED + "5\r\nhello0\r\n\r\n" + INNER, 400);
        table.put(CHUNKED + "3\r\nabc\r\r\n0\r\n\r\n", 400);
        table.put(CHUNKED + "100000000000000005\r\nhello\r\n0\r\n\r\n", 400);
        table.put(CHUNKED + "0\r\n" + "GET /inner HTTP/1.1\r\n" + HOST + "\r\n", 400);
        table.put(CHUNKED + "0\r\nX: a\r\n b\r\n\r\n", 400);
    }

    private static void fields(Map<String, Integer> table) {
        table.put(GET + "Header: v\u0000\ralue\r\n\r\n", 400);
        table.put("GET / HTTP/1.1\r\n\tContent-Length: 1\r\n" + HOST + "\r\nX", 400);
        table.put(GET + "\u00effoo: bar\r\n\r\n", 400);
        table.put(GET + "Visible: :/\rSmuggled: :)\r\n\r\n", 400);
        table.put(GET + "\u0001(),/: whatever\r\n\r\n", 400);
        table.put(GET + "Useless:\n\n" + INNER, 400);
        table.put(GET + ":\r\nI: am chopped off\r\n\r\n", 400);
        table.put(GET + "\rZGET /inner: HTTP/1.1\r\n" + HOST + "\r\n", 400);
        table.put(GET + "Test: test\u0000these bytes\r\n\r\n", 400);
        table.put(GET + "Evil: evil\u0000\r\n\r\n", 400);
        table.put("GET / HTTP/1.1\r\nHost: a\u0000.b\r\n\r\n", 400);
        table.put("GET / HTTP/1.1\r\nHost: \u00ffa\u00ff\r\n\r\n", 400);
        table.put(GET + "Te\nst: test\r\n\r\n", 400);
        table.put(GET + "X: y\n\r\n" + INNER, 400);
        table.put(GET + "Transfer-\r\nEncoding: chunked\r\n\r\n0\r\n\r\n", 400);
        table.put(GET + "Foo: bar\r\n\tTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
        table.put("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400);
        table.put("GET / HTTP/1.1\r\n Host: b\r\nHost: a\r\n\r\n", 400);
        table.put("GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", 400);
        table.put("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400);
        table.put("GET / HTTP/1.1\r\nHost: a:-1\r\n\r\n", 400);
        table.put("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400);
        table.put("GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", 400);
        table.put("GET / HTTP/1.1\r\nHost: a[::1]\r\n\r\n", 400);
        table.put("GET http://a:80:80/ HTTP/1.1\r\nHost: a\r\n\r\n", 400);
        table.put("GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", 400);
        table.put("GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", 400);
        table.put("GET / HTTP/1.1\r\nHost: a\tb\r\n\r\n", 400);
    }

    private static void lengths(Map<String, Integer> table) {
        for (String length : List.of(
                "+1_0",
                "1_0",
                "",
                " ",
                "-48",
                "1Z",
                "0x10",
                "1 ",
                "10\u00a0",
                "\u000b10",
                "1.0",
                "1,1",
                "1, 2",
                "0;1",
                "1e1",
                "18446744073709551617",
                "\"5\"")) {
            if (!length.equals("1 ")) { // spaces at the end are no part of a value
                table.put(POST + "Content-Length: " + length + "\r\n\r\n" + INNER, 400);
            }
        }
        table.put(POST + "Content-Length: \r\nContent-Length: 43\r\n\r\n" + INNER, 400);
        table.put(POST + "Content-Length: 0\r\nContent-Length: 1\r\n\r\nZ", 400);
        table.put(POST + "Content-Length: 1\r\nContent-Length: 0\r\n\r\nZ", 400);
        table.put(POST + "Content-Length\u0085: 10\r\n\r\n0123456789", 400);
        table.put(POST + "Content-Length 10\r\n\r\n0123456789", 400);
        table.put(POST + "Content-Length\u0000: 10\r\n\r\n0123456789", 400);
        table.put(POST + "Content-Length\u000b: 10\r\n\r\n0123456789", 400);
        table.put(POST + "Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello", 400);
        table.put(POST + "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
        table.put(POST + "Connection: close, Content-Length\r\nContent-Length: 5\r\n\r\nhello", 400);
    }

    private static void codings(Map<String, Integer> table) {
        for (String coding : List.of(
                "\u00a0chunked\u00a0",
                "\u00ffchunked\u00ff",
                ",chunked",
                "chunked,",
                " , chunked",
                "blegh",
                "chunked, chunked",
                "chunked, gzip",
                "chunked, gzip, chunked",
                "identity, chunked",
                "chunk",
                "chunked\u0000",
                "'chunked'",
                "x chunked",
                "chunked foo",
                "cow",
                "\u007fchunked",
                "chunked;q=1",
                "[chunked]",
                "chu\u00f1ked")) {
            table.put(POST + "Transfer-Encoding: " + coding + "\r\n\r\n0\r\n\r\n", 0);
            table.put(POST + "Transfer-Encoding: " + coding + "\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 0);
        }
        for (String name : List.of(
                "Transfer-Encoding ",
                "Transfer-Encoding\t",
                " Transfer-Encoding",
                "\u0000Transfer-Encoding",
                "Transfer-Encoding\u0000",
                "Transfer\u0000-Encoding",
                "Transfer-Encoding\u00a0",
                "Transfer\tEncoding",
                "Transfer Encoding",
                "\"Transfer-Encoding\"",
                "Transfer-Encoding\u000b",
                "X\rTransfer-Encoding",
                "X\nTransfer-Encoding",
                "X: y\nTransfer-Encoding",
                "X: y\rTransfer-Encoding")) {
            table.put(POST + "Content-Length: 5\r\n" + name + ": chunked\r\n\r\n0\r\n\r\n" + INNER, 0);
        }
        table.put(POST + "Transfer-Encoding\r\n : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 0);
        table.put(POST + "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0);
        table.put(POST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", 0);
        table.put("POST / HTTP/1.0\r\n" + HOST + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 0);
    }

    private static void lines(Map<String, Integer> table) {
        table.put("GET /test HTTP/1.32\r\n" + HOST + "\r\n", 0);
        table.put("G=\":<>(e),[T];?\" /get HTTP/1.1\r\n" + HOST + "\r\n", 400);
        table.put("GET ! HTTP/1.1\r\n" + HOST + "\r\n", 400);
        table.put("GET /\nHTTP/1.1\r\n" + HOST + "\r\n", 400);
        table.put("GET / HTTP/\r\r1.1\r\n" + HOST + "\r\n", 400);
        table.put("GET / HTTP/4294967295.255\r\n" + HOST + "\r\n", 0);
        table.put("\u0000 / HTTP/1.1\r\n" + HOST + "\r\n", 400);
        table.put("GET / HTTP/1.1 HTTP/1.1\r\n" + HOST + "\r\n", 400);
        table.put("GET / HTTP/1.1\r\r\n" + HOST + "\r\n", 400);
        table.put("GET / \r\n" + HOST + "\r\n", 0);
        table.put("GET /\u0000 HTTP/1.1\r\n" + HOST + "\r\n", 400);
        table.put("GET /\u007f HTTP/1.1\r\n" + HOST + "\r\n", 400);
        table.put("GET\u000b/ HTTP/1.1\r\n" + HOST + "\r\n", 400);
        table.put("OPTIONS */test HTTP/1.1\r\n" + HOST + "\r\n", 400);
        table.put("GET admin/a/b HTTP/1.1\r\n" + HOST + "\r\n", 400);
        table.put("GET a:80 HTTP/1.1\r\n" + HOST + "\r\n", 400);
        table.put("GET http://a#b/ HTTP/1.1\r\n" + HOST + "\r\n", 400);
        table.put("GET http://u:p@a/ HTTP/1.1\r\n" + HOST + "\r\n", 400);
        table.put("CONNECT a HTTP/1.1\r\n" + HOST + "\r\n", 0);
        table.put("CONNECT / HTTP/1.1\r\n" + HOST + "\r\n", 0);
        table.put("CONNECT http://a:80 HTTP/1.1\r\n" + HOST + "\r\n", 0);
    }

    /** Served, as one thing. */
    static List<Served> served() {
        List<Served> table = new ArrayList<>();
        String smuggled = "0\r\n\r\n" + INNER;
        // Bodies that look like requests, by both framings.
        one(table, "POST", "Content-Length: " + smuggled.length() + "\r\n\r\n" + smuggled, smuggled);
        one(table, "POST", "Transfer-Encoding: chunked\r\n\r\n" + chunk(smuggled) + "0\r\n\r\n", smuggled);
        one(table, "PUT", "transfer-encoding:\tCHUNKED \r\n\r\n" + chunk(smuggled) + "000\r\n\r\n", smuggled);
        one(table, "GET", "Content-Length: " + INNER.length() + "\r\n\r\n" + INNER, INNER);
        one(table, "GET", "Transfer-Encoding: chunked\r\n\r\n" + chunk(INNER) + "0\r\n\r\n", INNER);
        one(table, "DELETE", "Content-Length: " + INNER.length() + "\r\n\r\n" + INNER, INNER);
        one(table, "PATCH", "Transfer-Encoding: chunked\r\n\r\n" + chunk("0") + "0\r\n\r\n", "0");
        // Leading zeros, in a length (some have read them as octal) and in sizes of chunks.
        one(table, "POST", "Content-Length: 010\r\n\r\n0123456789", "0123456789");
        one(table, "POST", "Transfer-Encoding: chunked\r\n\r\n00000000000A\r\n0123456789\r\n0\r\n\r\n", "0123456789");
        one(table, "POST", "Content-Length: 0\r\n\r\n", "");
        one(table, "POST", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "");
        // Extensions of chunks and trailers, where requests have been hidden.
        one(table, "POST", "Transfer-Encoding: chunked\r\n\r\n5;a=b;c=\"d;e\"\r\nhello\r\n0;x\r\n\r\n", "hello");
        one(table, "POST", "Transfer-Encoding: chunked\r\n\r\n5;0\r\nhello\r\n0\r\n\r\n", "hello");
        one(table, "POST", "Transfer-Encoding: chunked\r\n\r\n0\r\nX:POST / HTTP/1.1\r\n\r\n", "");
        one(
                table,
                "POST",
                "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nContent-Length: 9\r\nHost: b\r\n\r\n",
                "x");
        one(
                table,
                "POST",
                "Trailer: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: x\r\n\r\n",
                "");
        one(
                table,
                "POST",
                "Transfer-Encoding: chunked\r\n\r\n" + chunk("x").repeat(300) + "0\r\n\r\n",
                "x".repeat(300));
        // Names that look like those that frame.
        for (String name :
                List.of("Transfer_Encoding", "X-Transfer-Encoding", "Transfer-Encodin", "Content-Encoding")) {
            one(table, "POST", name + ": chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "0\r\n\r\n");
        }
        for (String name : List.of("Content_Length", "X-Content-Length", "Content-Lengt", "Contentlength")) {
            one(table, "POST", name + ": 1\r\nContent-Length: 5\r\n\r\nhello", "hello");
            one(
                    table,
                    "POST",
                    name + ": 1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("hello") + "0\r\n\r\n",
                    "hello");
        }
        // Fields that end at the load balancer.
        one(table, "POST", "Connection: X-Foo, keep-alive\r\nX-Foo: 1\r\nContent-Length: 5\r\n\r\nhello", "hello");
        one(
                table,
                "POST",
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
                        + "Content-Length: 5\r\n\r\nhello",
                "hello");
        one(
                table,
                "POST",
                "Proxy-Connection: close\r\nKeep-Alive: timeout=1\r\nContent-Length: 5\r\n\r\nhello",
                "hello");
        one(table, "POST", "TE: trailers, gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "");
        one(table, "POST", "TE: trailers;q=0.5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "");
        one(table, "POST", "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", "hello");
        one(table, "GET", "User: \u0085admin\u00a0\r\n\r\n", "");
        one(table, "GET", "Empty:\r\nSpaced: \t x \t \r\n\r\n", "");
        // Where the target is.
        whole(table, "\r\nGET /w1 HTTP/1.1\r\nHost:a\r\n\r\n", Seen.of("GET", "/w1", ""));
        whole(table, "GET http://b/w2 HTTP/1.1\r\nHost: b\r\n\r\n", Seen.of("GET", "/w2", ""));
        whole(
                table,
                "GET http://b:80/w3?x=http://c/ HTTP/1.1\r\nHost: b\r\n\r\n",
                Seen.of("GET", "/w3?x=http://c/", ""));
        whole(table, "GET /w4?q=%20Host:%20b HTTP/1.1\r\nHost: a\r\n\r\n", Seen.of("GET", "/w4?q=%20Host:%20b", ""));
        whole(
                table,
                "POST /w5 HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + INNER,
                Seen.of("POST", "/w5", "hello"));
        whole(table, "GET /w6 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + INNER, Seen.of("GET", "/w6", ""));
        // One behind the other.
        whole(
                table,
                "POST /p1 HTTP/1.1\r\nContent-Length: 0\r\nConnection:keep-alive\r\nHost: a\r\n\r\n"
                        + "POST /p2 HTTP/1.1\r\nHost: a\r\nContent-Length: " + INNER.length() + "\r\n\r\n" + INNER
                        + "PUT /p3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(INNER)
                        + "0\r\n\r\n"
                        + "GET /p4 HTTP/1.1\r\nHost: a\r\n\r\n",
                Seen.of("POST", "/p1", ""),
                Seen.of("POST", "/p2", INNER),
                Seen.of("PUT", "/p3", INNER),
                Seen.of("GET", "/p4", ""));
        return table;
    }

    /** @param rest behind the Host field */
    private static void one(List<Served> table, String method, String rest, String body) {
        String target = "/s" + table.size();
        whole(table, method + " " + target + " HTTP/1.1\r\n" + HOST + rest, Seen.of(method, target, body));
    }

    private static void whole(List<Served> table, String bytes, Seen... seen) {
        table.add(new Served(bytes, List.of(seen)));
    }

    private static String chunk(String data) {
        return Integer.toHexString(data.length()) + "\r\n" + data + "\r\n";
    }

    /** By HTTP/2, to be turned into HTTP/1.1. */
    static List<H2> http2() {
        List<H2> table = new ArrayList<>();
        // Pseudo-header fields that would write into the request line.
        bad(table, "", ":method", "GET?", ":scheme", "http", ":path", "/", ":authority", "a");
        bad(table, "", ":method", "GET / HTTP/1.1\r\nX:", ":scheme", "http", ":path", "/", ":authority", "a");
        bad(table, "", ":method", "G ET", ":scheme", "http", ":path", "/", ":authority", "a");
        bad(table, "", ":method", "GET", ":scheme", "http", ":path", "hello-world", ":authority", "a");
        bad(table, "", ":method", "GET", ":scheme", "http", ":path", "/ HTTP/1.1\r\nX: y", ":authority", "a");
        bad(table, "", ":method", "GET", ":scheme", "http", ":path", "/a b", ":authority", "a");
        bad(table, "", ":method", "GET", ":scheme", "http", ":path", "", ":authority", "a");
        bad(table, "", ":method", "GET", ":scheme", "http", ":path", "/", ":path", "/inner", ":authority", "a");
        bad(table, "", ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a\r\nX: y");
        bad(table, "", ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a/b");
        bad(table, "", ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "u@a");
        bad(table, "", ":method", "CONNECT", ":authority", "a:80");
        // Framing in disguise.
        post(table, "0\r\n\r\n" + INNER, "transfer-encoding", "chunked");
        post(table, "hello", "content-length", "4");
        post(table, "hello", "content-length", "6");
        post(table, "hello", "content-length", "0");
        post(table, "hello", "content-length", "5", "content-length", "0");
        post(table, "hello", "content-length", "+5");
        post(table, "hello", "connection", "close");
        post(table, "hello", "te", "gzip");
        post(table, "hello", "upgrade", "h2c");
        // Names and values that would end a line.
        post(table, "hello", "x", "y\r\nTransfer-Encoding: chunked");
        post(table, "hello", "x", "y\nTransfer-Encoding: chunked");
        post(table, "hello", "x", "y\u0000z");
        post(table, "hello", "x: y\r\ntransfer-encoding", "chunked");
        post(table, "hello", "x y", "z");
        post(table, "hello", "X", "y");
        post(table, "hello", "", "y");
        post(table, "hello", "x", " y");
        post(table, "hello", "cookie", "a=b\r\nX: y");
        // The same bytes where they are only bytes.
        for (String body : List.of("", "hello", "0\r\n\r\n" + INNER, "5\r\nhello\r\n0\r\n\r\n")) {
            String target = "/h" + table.size();
            table.add(new H2(
                    List.of(":method", "POST", ":scheme", "http", ":path", target, ":authority", "a"),
                    body,
                    Seen.of("POST", target, body)));
            String counted = "/h" + table.size();
            table.add(new H2(
                    List.of(
                            ":method",
                            "PUT",
                            ":scheme",
                            "http",
                            ":path",
                            counted,
                            ":authority",
                            "a",
                            "content-length",
                            Integer.toString(body.length())),
                    body,
                    Seen.of("PUT", counted, body)));
        }
        return table;
    }

    private static void bad(List<H2> table, String data, String... fields) {
        table.add(new H2(List.of(fields), data, null));
    }

    private static void post(List<H2> table, String data, String... more) {
        List<String> fields =
                new ArrayList<>(List.of(":method", "POST", ":scheme", "http", ":path", "/inner", ":authority", "a"));
        fields.addAll(List.of(more));
        table.add(new H2(fields, data, null));
    }
}
