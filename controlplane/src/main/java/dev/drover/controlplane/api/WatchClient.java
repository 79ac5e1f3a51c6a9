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
    private final AtomicInteger pendingMessages = new AtomicInteger();
    private final AtomicLong pendingChars = new AtomicLong();

    WatchClient(WebSocketWriter writer) {
        this.writer = writer;
    }

    /** Never blocks. */
    void send(String text) {
        if (pendingMessages.get() >= MAX_PENDING_MESSAGES || pendingChars.get() >= MAX_PENDING_CHARS) {
            LOG.info("watch client too slow pending={} chars={}", pendingMessages, pendingChars);
            writer.close(WebSocketCloseStatus.TRY_AGAIN_LATER, "too slow");
            return;
        }
        pendingMessages.incrementAndGet();
        pendingChars.addAndGet(text.length());
        if (writer.tryWrite(text)) {
            writer.whenConsumed().thenRun(() -> {
                pendingMessages.decrementAndGet();
                pendingChars.addAndGet(-text.length());
            });
        }
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
