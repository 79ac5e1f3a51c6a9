package dev.drover.node.metadata;

import dev.drover.controlplane.link.DesiredItem.AboutContainer;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Answers requests from the newest source. One thread; only {@link #source} may be called by others.
 *
 * <p>A catalog is made when it is needed and the source is another; making it never takes more than a fifth of the
 * thread's time, however often an environment changes: until then the former one answers.
 */
final class Answers {
    private static final int REST = 4;
    private static final int MAX_BODY_BYTES = 16 << 20;
    private static final byte NEWLINE = '\n';

    private final LongSupplier clockNs;
    private final long startedMs;
    private final AtomicReference<@Nullable Published> latest = new AtomicReference<>();
    private long made;
    private @Nullable Catalog catalog;
    private long generation;
    private long notBeforeNs;

    /** @param startedMs makes the version another one than before a restart */
    Answers(LongSupplier clockNs, long startedMs) {
        this.clockNs = clockNs;
        this.startedMs = startedMs;
        notBeforeNs = clockNs.getAsLong();
    }

    /** @param number grows */
    private record Published(long number, MetadataSource source) {}

    /** An HTTP status and what is said. */
    static final class Reply {
        private final int status;
        private final Format format;
        private final byte[] body;

        Reply(int status, Format format, byte[] body) {
            this.status = status;
            this.format = format;
            this.body = body;
        }

        int status() {
            return status;
        }

        Format format() {
            return format;
        }

        /** Not copied. */
        byte[] body() {
            return body;
        }
    }

    /** Any thread. */
    void source(MetadataSource next) {
        latest.updateAndGet(former -> new Published(former == null ? 1 : former.number() + 1, next));
    }

    /** How long until the newest source is looked at; 0 when it may be, or has been. */
    long restNs() {
        Published newest = latest.get();
        return newest == null || newest.number() == made ? 0 : Math.max(0, notBeforeNs - clockNs.getAsLong());
    }

    private @Nullable Catalog catalog() {
        Published newest = latest.get();
        long begunNs = clockNs.getAsLong();
        if (newest != null && newest.number() != made && begunNs - notBeforeNs >= 0) {
            Catalog next = Catalog.of(newest.source());
            Catalog former = catalog;
            if (former == null || !next.sameAs(former)) {
                generation++;
            }
            catalog = next;
            made = newest.number();
            long endedNs = clockNs.getAsLong();
            notBeforeNs = endedNs + REST * (endedNs - begunNs);
        }
        return catalog;
    }

    /**
     * Answers, or says by null that the client should wait for the next change.
     *
     * @param last whether the client has waited as long as it may, so that there must be an answer
     */
    @Nullable
    Reply answer(InetAddress client, MetadataRequest request, boolean last) {
        Catalog now = catalog();
        AboutContainer self = now == null ? null : now.at(client);
        if (now == null || self == null) {
            if (!last && now != null && now.mayBecomeKnown(client)) {
                return null;
            }
            return refusal(
                    403,
                    client.getHostAddress() + " is no container of this environment on this host"
                            + " (expected: one on the managed network)",
                    request.format());
        }
        Object value = value(now, self, request);
        byte[] body = Tree.MISSING.equals(value) ? null : request.format().write(value);
        if (request.old() != null && !last && (body == null || isSame(body, request.old()))) {
            return null;
        }
        if (body == null) {
            return refusal(404, "/" + String.join("/", request.path()) + ": not found", request.format());
        }
        if (body.length > MAX_BODY_BYTES) {
            return refusal(
                    413,
                    body.length + " bytes (expected: a path to a part of it, at most " + MAX_BODY_BYTES + ")",
                    request.format());
        }
        return new Reply(200, request.format(), body);
    }

    private @Nullable Object value(Catalog now, AboutContainer self, MetadataRequest request) {
        Release release = request.release();
        if (release == null) {
            Map<String, @Nullable Object> versions = new TreeMap<>();
            Release.names().forEach(name -> versions.put(name, "/" + name));
            return versions;
        }
        return Tree.at(new Views(now, release, startedMs + "-" + generation).root(self), request.path());
    }

    /** With or without the newline at the end, which a shell takes away. */
    private static boolean isSame(byte[] body, String old) {
        byte[] held = old.getBytes(StandardCharsets.UTF_8);
        return Arrays.equals(trimmed(body), trimmed(held));
    }

    private static byte[] trimmed(byte[] text) {
        int length = text.length;
        while (length > 0 && text[length - 1] == NEWLINE) {
            length--;
        }
        return Arrays.copyOf(text, length);
    }

    /** Why there is no answer, in the form of Rancher's errors. */
    static Reply refusal(int status, String message, Format format) {
        Map<String, @Nullable Object> error = new TreeMap<>();
        error.put("code", status);
        error.put("message", message);
        error.put("type", "error");
        return new Reply(status, format, format.write(format == Format.TEXT ? message + "\n" : error));
    }
}
