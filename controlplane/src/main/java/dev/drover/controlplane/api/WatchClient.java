package dev.drover.controlplane.api;

import com.linecorp.armeria.common.websocket.WebSocketCloseStatus;
import com.linecorp.armeria.common.websocket.WebSocketWriter;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One watching connection. What it has not taken yet is bounded: a client that falls behind is cut off and may come again. */
final class WatchClient {
    private static final Logger LOG = LoggerFactory.getLogger(WatchClient.class);
    private static final int MAX_PENDING_MESSAGES = 1024;
    private static final long MAX_PENDING_CHARS = 8L << 20;

    private final WebSocketWriter writer;
    private final Runnable cutOff;
    private final AtomicInteger pendingMessages = new AtomicInteger();
    private final AtomicLong pendingChars = new AtomicLong();

    /** @param cutOff ends the connection without waiting for what is still queued */
    WatchClient(WebSocketWriter writer, Runnable cutOff) {
        this.writer = writer;
        this.cutOff = cutOff;
    }

    /**
     * Never blocks.
     *
     * @return false when the client was, or is now, cut off
     */
    boolean send(String text) {
        if (pendingMessages.get() >= MAX_PENDING_MESSAGES || pendingChars.get() >= MAX_PENDING_CHARS) {
            LOG.info("watch client too slow pending={} chars={}", pendingMessages, pendingChars);
            cutOff.run();
            return false;
        }
        pendingMessages.incrementAndGet();
        pendingChars.addAndGet(text.length());
        if (!writer.tryWrite(text)) {
            return false;
        }
        writer.whenConsumed().thenRun(() -> {
            pendingMessages.decrementAndGet();
            pendingChars.addAndGet(-text.length());
        });
        return true;
    }

    void ping() {
        if (writer.isOpen()) {
            writer.writePing();
        }
    }

    void unauthorized() {
        writer.close(WebSocketCloseStatus.POLICY_VIOLATION, "token expired or revoked");
    }

    void goAway() {
        writer.close(WebSocketCloseStatus.ENDPOINT_UNAVAILABLE, "server stops");
    }
}
