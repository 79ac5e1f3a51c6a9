package dev.drover.lb.path;

import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What is remembered of one request (HTTP) or connection (TCP): who asked for what, where it went, how long each part took,
 * how it ended. Written by one lane, which uses it again and again; handed to another thread only through an {@link
 * AccessQueue}, or as a copy.
 */
public final class Transaction {
    /** What the head of a request said, each cut to what is kept of it. */
    public enum Text {
        METHOD(32),
        /** Path and query as they were sent. */
        TARGET(2_048),
        HOST(255),
        USER_AGENT(512),
        REFERER(1_024),
        /** Identifier of the trace (W3C Trace Context), 32 hexadecimal digits. */
        TRACE(32);

        private final int maxBytes;

        Text(int maxBytes) {
            this.maxBytes = maxBytes;
        }
    }

    /** What the client spoke. */
    public enum Spoken {
        HTTP_1_0("HTTP/1.0"),
        HTTP_1_1("HTTP/1.1"),
        HTTP_2("HTTP/2.0"),
        TCP("TCP"),
        UDP("UDP");

        private final String text;

        Spoken(String text) {
            this.text = text;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    private static final Text[] TEXTS = Text.values();
    private static final int USUAL_BYTES = 384;

    private byte[] bytes = new byte[USUAL_BYTES];
    private int used;
    private final int[] start = new int[TEXTS.length];
    private final int[] end = new int[TEXTS.length];

    private String listener = "";
    private @Nullable InetSocketAddress client;
    private @Nullable String pool;
    private @Nullable InetSocketAddress target;
    private Spoken spoken = Spoken.TCP;
    private boolean secure;
    private Outcome outcome = Outcome.CLIENT_ABORT;
    private int status;
    private int attempts;
    private boolean reused;
    private long startNs;
    private long queueNs;
    private long connectNs;
    private long firstByteNs;
    private long totalNs;
    private long requestBytes;
    private long responseBytes;

    Transaction() {}

    void begin(String at, InetSocketAddress from, Spoken how, boolean encrypted, long atNs) {
        used = 0;
        Arrays.fill(start, 0);
        Arrays.fill(end, 0);
        listener = at;
        client = from;
        pool = null;
        target = null;
        spoken = how;
        secure = encrypted;
        status = 0;
        attempts = 0;
        reused = false;
        startNs = atNs;
        queueNs = 0;
        connectNs = 0;
        firstByteNs = 0;
        totalNs = 0;
        requestBytes = 0;
        responseBytes = 0;
    }

    /** Keeps a copy of {@code source} from {@code from} to {@code to}. */
    void text(Text what, byte[] source, int from, int to) {
        int length = Math.min(to - from, what.maxBytes);
        if (length > bytes.length - used) {
            bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, used + length));
        }
        System.arraycopy(source, from, bytes, used, length);
        start[what.ordinal()] = used;
        used += length;
        end[what.ordinal()] = used;
    }

    void spoken(Spoken how) {
        spoken = how;
    }

    void pool(String name) {
        pool = name;
    }

    void attempt(InetSocketAddress at, boolean pooled) {
        target = at;
        reused = pooled;
        attempts++;
    }

    void queued(long ns) {
        queueNs += ns;
    }

    void connected(long ns) {
        connectNs = ns;
    }

    void answered(int with, long ns) {
        status = with;
        firstByteNs = ns;
    }

    void sent(long more) {
        responseBytes += more;
    }

    void received(long more) {
        requestBytes += more;
    }

    /** @param with status the client was given; 0 for none, or for that of the response */
    void end(Outcome how, int with, long atNs) {
        outcome = how;
        status = with == 0 ? status : with;
        totalNs = atNs - startNs;
    }

    /** Becomes a copy of {@code other}. */
    void set(Transaction other) {
        if (bytes.length < other.used) {
            bytes = new byte[other.bytes.length];
        }
        System.arraycopy(other.bytes, 0, bytes, 0, other.used);
        used = other.used;
        System.arraycopy(other.start, 0, start, 0, start.length);
        System.arraycopy(other.end, 0, end, 0, end.length);
        listener = other.listener;
        client = other.client;
        pool = other.pool;
        target = other.target;
        spoken = other.spoken;
        secure = other.secure;
        outcome = other.outcome;
        status = other.status;
        attempts = other.attempts;
        reused = other.reused;
        startNs = other.startNs;
        queueNs = other.queueNs;
        connectNs = other.connectNs;
        firstByteNs = other.firstByteNs;
        totalNs = other.totalNs;
        requestBytes = other.requestBytes;
        responseBytes = other.responseBytes;
    }

    Transaction copy() {
        Transaction copy = new Transaction();
        copy.set(this);
        return copy;
    }

    public String listener() {
        return listener;
    }

    public InetSocketAddress client() {
        if (client == null) {
            throw new IllegalStateException("transaction: empty (expected: begun)");
        }
        return client;
    }

    /** Null when no route had it. */
    public @Nullable String pool() {
        return pool;
    }

    /** The one tried last; null for none. */
    public @Nullable InetSocketAddress target() {
        return target;
    }

    public Spoken spoken() {
        return spoken;
    }

    /** Whether the client's connection is encrypted. */
    public boolean secure() {
        return secure;
    }

    public Outcome outcome() {
        return outcome;
    }

    /** What the client was told; 0 when it was told nothing. */
    public int status() {
        return status;
    }

    /** Targets tried, the same one twice when it was. */
    public int attempts() {
        return attempts;
    }

    /** Whether the last attempt went over a connection that was there already. */
    public boolean reused() {
        return reused;
    }

    /** {@link System#nanoTime()} of its first byte. */
    public long startNs() {
        return startNs;
    }

    public long queueNs() {
        return queueNs;
    }

    /** 0 when a connection was there already. */
    public long connectNs() {
        return connectNs;
    }

    /** 0 when no target answered. */
    public long firstByteNs() {
        return firstByteNs;
    }

    public long totalNs() {
        return totalNs;
    }

    /** Head and body as they were read; HTTP/2: without what frames add, the head as it would be in HTTP/1.1. */
    public long requestBytes() {
        return requestBytes;
    }

    /** Head and body as they were written; HTTP/2: the body alone. */
    public long responseBytes() {
        return responseBytes;
    }

    /** Empty when the request said nothing of it. */
    public String text(Text what) {
        int from = start[what.ordinal()];
        return new String(bytes, from, end[what.ordinal()] - from, StandardCharsets.ISO_8859_1);
    }
}
