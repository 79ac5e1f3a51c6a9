package dev.drover.lb;

import dev.drover.lb.path.Transaction;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A request (HTTP) or connection (TCP) that has ended, as the access log tells it.
 *
 * @param time of its first byte
 * @param status told to the client; 0 for none
 * @param outcome how it ended, as in the metric
 * @param pool null when no route had it
 * @param upstream the target tried last; null for none
 * @param reused whether the last attempt went over a connection that was there already
 * @param queueUs waiting for room at a target
 * @param connectUs connecting; 0 over a connection that was there already
 * @param firstByteUs from the request going out to the head of its response; 0 without one
 * @param totalUs from its first byte to the last of the response
 * @param traceId W3C Trace Context; null without one
 */
public record RequestStatus(
        Instant time,
        String listener,
        InetSocketAddress client,
        String protocol,
        @Nullable String method,
        @Nullable String host,
        @Nullable String target,
        int status,
        String outcome,
        @Nullable String pool,
        @Nullable InetSocketAddress upstream,
        int attempts,
        boolean reused,
        long queueUs,
        long connectUs,
        long firstByteUs,
        long totalUs,
        long requestBytes,
        long responseBytes,
        @Nullable String traceId) {
    static RequestStatus of(Transaction ended) {
        long agoNs = System.nanoTime() - ended.startNs();
        return new RequestStatus(
                Instant.ofEpochMilli(System.currentTimeMillis() - TimeUnit.NANOSECONDS.toMillis(agoNs)),
                ended.listener(),
                ended.client(),
                ended.spoken().toString(),
                text(ended, Transaction.Text.METHOD),
                text(ended, Transaction.Text.HOST),
                text(ended, Transaction.Text.TARGET),
                ended.status(),
                ended.outcome().name().toLowerCase(Locale.ROOT),
                ended.pool(),
                ended.target(),
                ended.attempts(),
                ended.reused(),
                TimeUnit.NANOSECONDS.toMicros(ended.queueNs()),
                TimeUnit.NANOSECONDS.toMicros(ended.connectNs()),
                TimeUnit.NANOSECONDS.toMicros(ended.firstByteNs()),
                TimeUnit.NANOSECONDS.toMicros(ended.totalNs()),
                ended.requestBytes(),
                ended.responseBytes(),
                text(ended, Transaction.Text.TRACE));
    }

    private static @Nullable String text(Transaction ended, Transaction.Text what) {
        String text = ended.text(what);
        return text.isEmpty() ? null : text;
    }
}
