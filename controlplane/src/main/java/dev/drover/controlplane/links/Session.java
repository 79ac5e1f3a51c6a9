package dev.drover.controlplane.links;

import com.linecorp.armeria.common.websocket.WebSocketFrame;
import com.linecorp.armeria.common.websocket.WebSocketWriter;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.drover.controlplane.desired.Delta;
import dev.drover.controlplane.desired.DesiredState;
import dev.drover.controlplane.link.Down;
import dev.drover.controlplane.link.LinkCodec;
import dev.drover.controlplane.link.Up;
import dev.drover.controlplane.model.Host;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection of one node. Frames arrive on its event loop; each message is handled on a virtual thread, and only then
 * the next frame is asked for, so that nothing queues up here. Outwards there is no queue either: while a message is on
 * its way newer desired states replace each other, and the node gets the difference to the last one in one message.
 */
final class Session implements Subscriber<WebSocketFrame> {
    private static final Logger LOG = LoggerFactory.getLogger(Session.class);
    private static final long CLOSE_MS = 1_000;
    private static final int FRAGMENT_BYTES = 64 << 10;

    private final LinkService service;
    private final ServiceRequestContext context;
    private final WebSocketWriter writer;
    private final Host host;
    private final HostSlot slot;
    private final LinkConfig config;
    private final AtomicBoolean ended = new AtomicBoolean();
    private final long openedMs;
    private @Nullable ScheduledFuture<?> heartbeat;

    /** Event loop only. */
    private final ByteArrayOutputStream message = new ByteArrayOutputStream();

    private volatile @Nullable Subscription inbound;
    private volatile long lastSeenMs;
    private volatile boolean handling;
    private volatile boolean welcomed;
    private volatile boolean listed;
    private volatile CompletableFuture<Void> signOfLife = new CompletableFuture<>();

    /** Guarded by {@code this}. */
    private @Nullable DesiredState latest;

    private @Nullable DesiredState sent;
    private boolean writing;
    private boolean fullPending;
    private long sentRevision;
    private long acknowledgedRevision;
    private long behindSinceMs = Long.MAX_VALUE;

    /** See {@link dev.drover.controlplane.schedule.NodeStatus}. */
    record Progress(long appliedRevision, long behindSinceMs) {}

    Session(
            LinkService service,
            ServiceRequestContext context,
            WebSocketWriter writer,
            Host host,
            HostSlot slot,
            LinkConfig config) {
        this.service = service;
        this.context = context;
        this.writer = writer;
        this.host = host;
        this.slot = slot;
        this.config = config;
        this.openedMs = service.nowMs();
        this.lastSeenMs = openedMs;
    }

    Host host() {
        return host;
    }

    HostSlot slot() {
        return slot;
    }

    String remote() {
        return context.remoteAddress().getAddress().getHostAddress();
    }

    boolean welcomed() {
        return welcomed && !ended.get();
    }

    /** True after the first full list of containers. */
    boolean listed() {
        return listed;
    }

    void setListed() {
        listed = true;
    }

    @Override
    public void onSubscribe(Subscription subscription) {
        inbound = subscription;
        if (ended.get()) {
            letGo(subscription);
            return;
        }
        heartbeat = context.eventLoop()
                .scheduleAtFixedRate(this::onHeartbeat, config.pingMs(), config.pingMs(), TimeUnit.MILLISECONDS);
        subscription.request(1);
    }

    @Override
    public void onNext(WebSocketFrame frame) {
        if (ended.get()) {
            return;
        }
        lastSeenMs = service.nowMs();
        signOfLife.complete(null);
        switch (frame.type()) {
            case PING -> {
                write(WebSocketFrame.ofPong(frame.array()));
                requestNext();
            }
            case TEXT, CONTINUATION -> onData(frame);
            case CLOSE -> end(null, "");
            case BINARY -> end(Goodbye.MALFORMED, "binary message (expected: text)");
            case PONG -> requestNext();
        }
    }

    private void onData(WebSocketFrame frame) {
        byte[] bytes = frame.array();
        if (message.size() + bytes.length > config.maxMessageBytes()) {
            end(Goodbye.TOO_BIG, "message (expected: at most " + config.maxMessageBytes() + " bytes)");
            return;
        }
        message.writeBytes(bytes);
        if (!frame.isFinalFragment()) {
            requestNext();
            return;
        }
        String text = message.toString(StandardCharsets.UTF_8);
        message.reset();
        handling = true;
        Thread.startVirtualThread(() -> handle(text));
    }

    private void handle(String text) {
        try {
            service.onMessage(this, LinkCodec.decode(text, Up.class));
        } catch (IllegalArgumentException e) {
            service.countReceived("malformed");
            end(Goodbye.MALFORMED, String.valueOf(e.getMessage()));
            return;
        } catch (RuntimeException e) {
            LOG.error("message of a node failed host={} remote={}", host.name(), remote(), e);
            end(Goodbye.FAILED, "the server could not store it");
            return;
        } finally {
            lastSeenMs = service.nowMs();
            handling = false;
        }
        requestNext();
    }

    private void requestNext() {
        Subscription subscription = inbound;
        if (subscription != null && !ended.get()) {
            subscription.request(1);
        }
    }

    @Override
    public void onError(Throwable cause) {
        LOG.debug("link broke host={} remote={}", host.name(), remote(), cause);
        end(null, "");
    }

    @Override
    public void onComplete() {
        end(null, "");
    }

    /** Event loop. */
    private void onHeartbeat() {
        long nowMs = service.nowMs();
        if (handling) {
            return;
        }
        if (nowMs - lastSeenMs > config.silenceMs()) {
            end(Goodbye.SILENT, "nothing heard for " + config.silenceMs() + " ms");
        } else if (!welcomed && nowMs - openedMs > config.helloMs()) {
            end(Goodbye.SILENT, "no hello within " + config.helloMs() + " ms");
        } else {
            write(WebSocketFrame.ofPing());
        }
    }

    /** True when the node answers within the time for it; blocks so long. */
    boolean isAlive() {
        if (ended.get()) {
            return false;
        }
        if (handling) {
            return true;
        }
        CompletableFuture<Void> sign = new CompletableFuture<>();
        signOfLife = sign;
        write(WebSocketFrame.ofPing());
        return sign.completeOnTimeout(null, config.probeMs(), TimeUnit.MILLISECONDS)
                .thenApply(nothing -> !ended.get() && service.nowMs() - lastSeenMs < config.probeMs())
                .join();
    }

    /**
     * Ends the connection; the first call counts.
     *
     * @param goodbye null when the node has ended it
     */
    void end(@Nullable Goodbye goodbye, String detail) {
        if (!ended.compareAndSet(false, true)) {
            return;
        }
        signOfLife.complete(null);
        ScheduledFuture<?> beating = heartbeat;
        if (beating != null) {
            beating.cancel(false);
        }
        if (goodbye == null) {
            writer.close();
        } else {
            String reason = detail.isEmpty() ? goodbye.phrase : detail;
            writer.close(goodbye.status(), shortened(reason));
        }
        Subscription subscription = inbound;
        if (subscription != null) {
            letGo(subscription);
        }
        service.onEnd(this, goodbye, detail);
    }

    /** Leaves the node a moment to answer the close frame; cancelling at once would overtake our own. */
    private void letGo(Subscription subscription) {
        subscription.request(Long.MAX_VALUE);
        context.eventLoop().schedule(subscription::cancel, CLOSE_MS, TimeUnit.MILLISECONDS);
    }

    /** A close frame has room for 123 bytes of reason. */
    private static String shortened(String reason) {
        return reason.length() <= 100 ? reason : reason.substring(0, 100) + "...";
    }

    /**
     * Answers hello.
     *
     * @param known what the node holds already, null when that is not known
     */
    synchronized void welcome(Down.Welcome welcome, @Nullable DesiredState known) {
        write("welcome", LinkCodec.encode(welcome));
        write("send-full", LinkCodec.encode(new Down.SendFull()));
        if (known != null) {
            sent = known;
            sentRevision = known.revision();
            acknowledgedRevision = known.revision();
        }
        welcomed = true;
    }

    /** Takes over the newest desired state; does not block. */
    synchronized void offer(DesiredState state) {
        DesiredState before = latest;
        if (before == null || state.revision() >= before.revision()) {
            latest = state;
        }
        pump();
    }

    private synchronized void pump() {
        DesiredState next = latest;
        DesiredState last = sent;
        if (!welcomed || writing || next == null || next.equals(last) || ended.get()) {
            return;
        }
        if (last == null) {
            send(next, new Down.Desired(next.revision(), true, next.of(host.id()), List.of()));
            fullPending = true;
        } else {
            Delta delta = next.since(last, host.id());
            if (delta.isEmpty()) {
                sent = next;
            } else {
                send(next, new Down.Desired(next.revision(), false, delta.put(), delta.remove()));
            }
        }
    }

    private void send(DesiredState state, Down.Desired desired) {
        sent = state;
        sentRevision = state.revision();
        if (behindSinceMs == Long.MAX_VALUE) {
            behindSinceMs = service.nowMs();
        }
        writing = true;
        write(desired.full() ? "desired-full" : "desired-delta", LinkCodec.encode(desired));
        writer.whenConsumed().thenRun(() -> {
            synchronized (this) {
                writing = false;
            }
            pump();
        });
    }

    /** Long messages go out in fragments, so that neither side needs a frame of their whole size. */
    private void write(String type, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        service.countSent(type, bytes.length);
        for (int from = 0; from < bytes.length; from += FRAGMENT_BYTES) {
            int to = Math.min(bytes.length, from + FRAGMENT_BYTES);
            byte[] part = Arrays.copyOfRange(bytes, from, to);
            boolean last = to == bytes.length;
            write(from == 0 ? WebSocketFrame.ofText(part, last) : WebSocketFrame.ofContinuation(part, last));
        }
    }

    private void write(WebSocketFrame frame) {
        if (!writer.tryWrite(frame)) {
            LOG.debug("frame dropped, the connection is closed host={}", host.name());
        }
    }

    /** A revision that was never sent here, such as the one on the node's disk after a restart of ours, says nothing. */
    void acknowledge(long revision) {
        boolean full;
        synchronized (this) {
            if (revision > sentRevision) {
                return;
            }
            acknowledgedRevision = Math.max(acknowledgedRevision, revision);
            if (acknowledgedRevision == sentRevision) {
                behindSinceMs = Long.MAX_VALUE;
            } else {
                behindSinceMs = service.nowMs();
            }
            full = fullPending && acknowledgedRevision == sentRevision;
            fullPending &= !full;
        }
        if (full) {
            slot.fullAcknowledged(revision);
        }
    }

    synchronized Progress progress() {
        DesiredState last = sent;
        if (last != null && acknowledgedRevision == sentRevision) {
            return new Progress(last.revision(), behindSinceMs);
        }
        return new Progress(acknowledgedRevision, behindSinceMs);
    }
}
