package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * One request of a client connection on its way to a target and back, reused from request to request. Keeps the request
 * until it can no longer be needed for another attempt.
 *
 * <p>When a request is sent again: a connect failed or nothing was sent; or its method is idempotent (RFC 9110 section
 * 9.2.2), nothing of a response was passed on, and its body is still held. A proxy must not repeat other methods. So
 * that these do not run into a target's idle timeout, they only go over a pooled connection that was in use a moment
 * ago ({@link #SURE_IDLE_NS}): under load pooled connections are, and otherwise a connect costs nothing. A target of
 * HTTP/2 tells which requests it has not looked at; these are sent again whatever their method.
 */
final class Exchange implements WaitingRoom.Waiter {
    /** No server closes connections that have been idle for less. */
    private static final long SURE_IDLE_NS = 20_000_000;

    /** How often a request that waits looks for room by itself, should room that another lane made go unnoticed. */
    private static final long LOOK_AGAIN_NS = 50_000_000;

    private static final byte[] LAST_CHUNK = Ascii.bytes("0\r\n\r\n");

    private final Front front;
    private final LbLane lane;
    private final VirtualServer server;
    private final Selection selection;
    private final ArrayDeque<ByteBuf> body = new ArrayDeque<>(2);
    private @Nullable ByteBuf head;
    /** Length of {@link #head} once it was sent; 0 before. */
    private int headBytes;

    /** Of a request that is not complete yet. */
    private @Nullable MirrorCopy copy;

    private @Nullable Back back;
    private @Nullable ChannelFuture unsure;
    private Method method = Method.OTHER;
    private boolean http10;
    private boolean keepAlive;
    private boolean upgrade;
    private int bodyBytes;
    private boolean replayable;
    private boolean sent;
    private boolean requestComplete;
    private boolean responseStarted;
    private boolean continued;
    private boolean freshOnly;
    private boolean rechunk;
    private boolean targetRemoved;
    private boolean queued;
    private long queuedAtNs;
    private long queueEndNs;
    private long connectAtNs;
    private long sentAtNs;

    Exchange(Front front, LbLane lane, VirtualServer server) {
        this.front = front;
        this.lane = lane;
        this.server = server;
        selection = new Selection(lane, server);
    }

    void begin(RequestHead request, ByteBuf rewritten) {
        reset(request.method(), rewritten);
        http10 = request.http10();
        keepAlive = request.keepAlive();
        upgrade = request.upgrade();
        requestComplete = !request.hasBody();
        Outcome nowhere = selection.begin(request, front.sourceKey());
        if (nowhere != null) {
            giveUp(nowhere);
            return;
        }
        front.account().routed(selection.pool());
        Mirror mirror = selection.mirror();
        if (mirror == null || upgrade || !mirror.wants(lane)) {
            go();
            return;
        }
        MirrorCopy made = new MirrorCopy(lane, server, mirror, front, method, rewritten);
        if (requestComplete) {
            // The request does not wait for its copy. It may have ended by then, and another begun.
            go();
            flush();
            made.send();
        } else {
            copy = made;
            go();
        }
    }

    /** Begins with what is complete, for a mirror; takes it over. */
    void beginCopy(Pool to, Method how, ByteBuf request, ArrayDeque<ByteBuf> pieces) {
        reset(how, request);
        http10 = false;
        keepAlive = true;
        upgrade = false;
        requestComplete = true;
        for (ByteBuf piece = pieces.poll(); piece != null; piece = pieces.poll()) {
            bodyBytes += piece.readableBytes();
            body.add(piece);
        }
        selection.begin(to, how, front.sourceKey());
        go();
    }

    private void reset(Method how, ByteBuf request) {
        discardCopy();
        head = request;
        headBytes = 0;
        method = how;
        bodyBytes = 0;
        replayable = true;
        responseStarted = false;
        continued = false;
        freshOnly = false;
        rechunk = false;
        sent = false;
        targetRemoved = false;
    }

    private void go() {
        if (selection.pool().room().occupied(lane)) {
            queue();
        } else {
            attempt(Back.Failure.CONNECT);
        }
    }

    private void discardCopy() {
        if (copy != null) {
            copy.discard();
            copy = null;
        }
    }

    boolean requestComplete() {
        return requestComplete;
    }

    boolean responseStarted() {
        return responseStarted;
    }

    Method method() {
        return method;
    }

    /** Whether the client's connection may go on after the response, as far as the request says. */
    boolean keepAlive() {
        return keepAlive;
    }

    /** Whether the request is at a target and only its answer is missing. */
    boolean waiting() {
        return sent && requestComplete && !responseStarted;
    }

    private void attempt(Back.Failure last) {
        Target target = selection.next();
        if (target != null) {
            attempt(target);
        } else if (selection.mayWait()) {
            queue();
        } else {
            giveUp(selection.triedNone() && last == Back.Failure.CONNECT ? Outcome.NO_TARGET : outcome(last));
        }
    }

    /** Waits for room at a target. */
    private void queue() {
        PoolPolicy policy = selection.policy();
        if (!selection.pool().room().enter(lane, this, policy.maxQueued())) {
            giveUp(Outcome.OVERLOADED);
            return;
        }
        lane.count(Event.QUEUED);
        queued = true;
        queuedAtNs = System.nanoTime();
        queueEndNs = queuedAtNs + policy.queueNs();
        front.graceUntil(Math.min(queueEndNs, queuedAtNs + LOOK_AGAIN_NS));
    }

    @Override
    public void onRoom() {
        if (!queued) {
            return;
        }
        Target target = selection.next();
        if (target != null) {
            leaveQueue();
            front.graceUntil(Timed.NEVER);
            attempt(target);
            flush();
        } else if (!selection.mayWait()) {
            leaveQueue();
            giveUp(Outcome.NO_TARGET);
        }
    }

    private void leaveQueue() {
        if (queued) {
            queued = false;
            front.account().queued(System.nanoTime() - queuedAtNs);
            selection.pool().room().leave(lane, this);
        }
    }

    private void attempt(Target target) {
        if (targetRemoved || selection.policy().perTryNs() > 0) {
            targetRemoved = false;
            front.graceUntil(Timed.NEVER);
        }
        target.begin(lane);
        sent = false;
        long nowNs = System.nanoTime();
        connectAtNs = nowNs;
        if (target.speaksHttp2()) {
            attempt(target.http2(lane).stream(lane));
            return;
        }
        HttpBack pooled = freshOnly ? null : target.takeIdle(lane, nowNs, maxIdleNs());
        front.account().attempt(target, pooled != null);
        if (pooled != null) {
            lane.count(Event.UPSTREAM_REUSED);
            back = pooled;
            pooled.attach(this);
            send(pooled);
        } else {
            HttpBack fresh = new HttpBack(lane, target);
            back = fresh;
            fresh.attach(this);
            lane.connect(target.address(), target.tls(), fresh, fresh);
        }
    }

    private void attempt(H2BackStream stream) {
        boolean ready = stream.ready();
        front.account().attempt(stream.target(), ready);
        back = stream;
        stream.attach(this);
        if (ready) {
            lane.count(Event.UPSTREAM_REUSED);
            send(stream);
        }
    }

    private long maxIdleNs() {
        return method.idempotent() ? lane.limits().pooledIdleNs() : SURE_IDLE_NS;
    }

    void onConnected() {
        if (back != null) {
            front.account().connected(System.nanoTime() - connectAtNs);
            send(back);
            flush();
        }
    }

    /** Writes what there is of the request; the caller flushes. */
    private void send(Back to) {
        sent = true;
        sentAtNs = System.nanoTime();
        if (head == null) {
            throw new IllegalStateException("request: already dropped (expected: held until answered)");
        }
        ByteBuf out = copyOf(head);
        if (method.idempotent()) {
            to.write(out);
        } else {
            unsure = to.writeObserved(out);
        }
        for (ByteBuf piece : body) {
            to.write(piece.retainedDuplicate());
        }
        if (bodyBytes > lane.limits().replayBytes()) {
            drop();
        }
        if (requestComplete) {
            awaitResponse();
        }
        front.upstreamReady(to.isWritable());
    }

    /**
     * The head for one more attempt, the same memory each time. Writing moves the indices of a buffer, and may go on doing so
     * for a while on a connection that was given up: only the first attempt may have the buffer itself.
     */
    private ByteBuf copyOf(ByteBuf request) {
        if (headBytes == 0) {
            headBytes = request.readableBytes();
            return request.retain();
        }
        return request.retainedDuplicate().setIndex(0, headBytes);
    }

    /** Takes over the next piece of the request body. */
    void requestBody(ByteBuf piece) {
        bodyBytes += Math.min(piece.readableBytes(), Integer.MAX_VALUE - bodyBytes);
        front.account().received(piece.readableBytes());
        if (copy != null) {
            copy.add(piece);
        }
        if (!sent) {
            body.add(piece);
            // Held as long as it takes to connect, but no more than one read beyond what may be sent again.
            front.upstreamReady(bodyBytes <= lane.limits().replayBytes());
            return;
        }
        if (back == null) {
            piece.release();
            return;
        }
        if (replayable && bodyBytes <= lane.limits().replayBytes()) {
            body.add(piece.retainedDuplicate());
        } else {
            drop();
        }
        back.write(piece);
        if (!back.isWritable()) {
            front.upstreamReady(false);
        }
    }

    void requestEnd() {
        requestComplete = true;
        MirrorCopy made = copy;
        copy = null;
        if (sent && !responseStarted) {
            awaitResponse();
        }
        if (made != null) {
            flush();
            made.send();
        }
    }

    private void awaitResponse() {
        front.awaitResponse();
        long perTryNs = selection.policy().perTryNs();
        if (perTryNs > 0 && method.idempotent() && replayable && !targetRemoved) {
            front.graceUntil(System.nanoTime() + perTryNs);
        }
    }

    /** Sends what was written; finds out whether a pooled connection took it. */
    @SuppressWarnings("ReferenceEquality") // the same connection, not an equal one
    void flush() {
        Back to = back;
        if (to == null || !sent) {
            return;
        }
        to.flush();
        ChannelFuture written = unsure;
        if (written == null) {
            return;
        }
        unsure = null;
        if (written.isDone() && !written.isSuccess() && back == to) {
            to.abandon();
            onBackFailed(to, Back.Failure.UNSENT);
        } else {
            drop();
        }
    }

    /** No further attempt will be made. */
    private void drop() {
        replayable = false;
        if (head != null) {
            head.release();
            head = null;
        }
        ByteBuf piece;
        while ((piece = body.poll()) != null) {
            piece.release();
        }
    }

    void onUpstreamWritable() {
        front.upstreamReady(true);
    }

    /** Returns false when the response must not be forwarded. */
    boolean onInformational(ResponseHead response) {
        if (response.status() == 101) {
            if (!upgrade) {
                return false;
            }
            responseStarted = true;
            drop();
            front.account().answered(response.status(), System.nanoTime() - sentAtNs);
            front.head(response, ResponseHead.Persistence.IMPLIED, false);
            tunnel();
            return true;
        }
        boolean repeated = response.status() == 100 && continued;
        if (!http10 && !repeated) {
            continued |= response.status() == 100;
            front.head(response, ResponseHead.Persistence.IMPLIED, false);
            front.flush();
        }
        return true;
    }

    private void tunnel() {
        if (back instanceof HttpBack to) {
            back = null;
            front.tunnel(to);
        }
    }

    /** Whether the response body is wanted without its chunk framing. */
    boolean bare() {
        return http10 || front.bare();
    }

    void onResponseHead(ResponseHead response) {
        responseStarted = true;
        drop();
        if (back != null) {
            long tookNs = System.nanoTime() - sentAtNs;
            front.account().answered(response.status(), tookNs);
            selection.answered(back.target(), response, tookNs, front.secure());
        }
        boolean bodyless = response.bodyless(method);
        boolean untilEnd = !bodyless && !response.chunked() && response.contentLength() < 0;
        rechunk = untilEnd && !bare();
        boolean unframed = http10 && !bodyless && (untilEnd || response.chunked());
        keepAlive &= requestComplete && !unframed && front.mayGoOn();
        ResponseHead.Persistence persistence = !keepAlive
                ? ResponseHead.Persistence.CLOSE
                : http10 ? ResponseHead.Persistence.KEEP_ALIVE : ResponseHead.Persistence.IMPLIED;
        front.head(response, persistence, !bodyless && !bare() && (rechunk || response.chunked()));
        front.streaming();
    }

    void onResponseBody(ByteBuf piece) {
        if (rechunk) {
            front.write(Unpooled.wrappedBuffer(Ascii.bytes(Integer.toHexString(piece.readableBytes()) + "\r\n")));
            front.write(piece);
            front.write(Unpooled.wrappedBuffer(LAST_CHUNK, 3, 2));
        } else {
            front.write(piece);
        }
        if (!front.isWritable()) {
            // Most often the kernel takes it all, and reading need not be turned off and on again.
            front.flush();
            if (back != null && !front.isWritable()) {
                back.read(false);
            }
        }
    }

    /** Trailers of a body that came without chunk framing; behind a Content-Length, HTTP/1.1 has no place for them. */
    void onResponseTrailers(Fields trailers) {
        if (rechunk) {
            rechunk = false;
            front.write(trailers.lastChunk());
        } else if (front.bare()) {
            front.trailers(trailers);
        }
    }

    void onResponseReadComplete() {
        if (responseStarted) {
            front.flush();
            front.streaming();
        }
    }

    void onClientWritable() {
        if (back != null && sent) {
            back.read(true);
        }
    }

    void onResponseEnd() {
        if (rechunk) {
            front.write(Unpooled.wrappedBuffer(LAST_CHUNK));
        }
        discardCopy();
        Back from = back;
        back = null;
        if (from != null) {
            from.target().end(lane);
        }
        front.onExchangeEnd(Outcome.RELAYED, keepAlive && requestComplete);
    }

    void onBackFailed(Back failed, Back.Failure failure) {
        Target target = failed.target();
        target.end(lane);
        back = null;
        unsure = null;
        boolean stale = failure == Back.Failure.CLOSED && failed.reused() && !failed.answered();
        boolean untouched = stale || failure == Back.Failure.UNSENT || failure == Back.Failure.REFUSED;
        // The target is well, this connection was not; its neighbours in the pool may be as old.
        boolean forgiven = untouched && !freshOnly;
        if (untouched) {
            lane.count(failure == Back.Failure.REFUSED ? Event.UPSTREAM_REFUSED : Event.UPSTREAM_STALE);
        }
        if (!forgiven && failure.ofTarget() && failure != Back.Failure.CONNECT) {
            target.failed(lane, failure);
            selection.failed(target);
        }
        if (responseStarted) {
            drop();
            discardCopy();
            front.onTruncated(rechunk || !http10);
            return;
        }
        boolean again = switch (failure) {
            case CONNECT, UNSENT, REFUSED -> true;
            case CLOSED, SLOW, TARGET_REMOVED -> method.idempotent();
            case INVALID, TIMEOUT, HEAD_TOO_LARGE -> false;
        };
        if (!again || !replayable) {
            giveUp(outcome(failure));
            return;
        }
        if (failure == Back.Failure.CLOSED && !stale && !selection.mayRepeat(System.nanoTime())) {
            lane.count(Event.RETRY_BUDGET_SPENT);
            giveUp(outcome(failure));
            return;
        }
        if (forgiven) {
            freshOnly = true;
        } else {
            selection.failedAt(target);
        }
        lane.count(Event.RETRIED);
        attempt(failure);
        flush();
    }

    private static Outcome outcome(Back.Failure failure) {
        return switch (failure) {
            case CONNECT -> Outcome.CONNECT_FAILED;
            case INVALID -> Outcome.UPSTREAM_INVALID;
            case SLOW, TIMEOUT -> Outcome.RESPONSE_TIMEOUT;
            case HEAD_TOO_LARGE -> Outcome.HEAD_TOO_LARGE;
            case UNSENT, REFUSED, CLOSED, TARGET_REMOVED -> Outcome.UPSTREAM_CLOSED;
        };
    }

    private void giveUp(Outcome outcome) {
        drop();
        discardCopy();
        front.onGivenUp(outcome);
    }

    /** The response did not come, or did not go on, in time. */
    void onTimeout() {
        Back from = back;
        if (from != null) {
            from.abandon();
            onBackFailed(from, Back.Failure.TIMEOUT);
        }
    }

    /** The request as a whole has taken too long, whoever is to blame. */
    void onDeadline() {
        boolean started = responseStarted;
        abort();
        if (started) {
            front.onTruncated(rechunk || !http10);
        } else {
            front.onGivenUp(Outcome.DEADLINE_EXCEEDED);
        }
    }

    /** The target of this request left the configuration: it may be gone without a word. */
    void onTargetRemoved(long nowNs) {
        if (!responseStarted && method.idempotent() && replayable) {
            targetRemoved = true;
            front.graceUntil(nowNs + lane.limits().removedGraceNs());
        }
    }

    /** The time that was asked for by {@link Front#graceUntil} has come: tries elsewhere, if there is an elsewhere. */
    void onGraceEnd() {
        if (queued) {
            onQueueTime();
            return;
        }
        Back from = back;
        if (from == null || responseStarted || !replayable || !selection.hasOther(from.target())) {
            return;
        }
        if (!targetRemoved && !selection.mayRepeat(System.nanoTime())) {
            lane.count(Event.RETRY_BUDGET_SPENT);
            return;
        }
        lane.count(targetRemoved ? Event.RETRIED_TARGET_REMOVED : Event.RETRIED_SLOW);
        from.abandon();
        onBackFailed(from, targetRemoved ? Back.Failure.TARGET_REMOVED : Back.Failure.SLOW);
    }

    private void onQueueTime() {
        if (selection.pool().room().next(lane, this)) {
            onRoom();
        }
        if (queued) {
            long nowNs = System.nanoTime();
            if (queueEndNs - nowNs <= 0) {
                leaveQueue();
                giveUp(Outcome.OVERLOADED);
            } else {
                front.graceUntil(Math.min(queueEndNs, nowNs + LOOK_AGAIN_NS));
            }
        }
    }

    /** Ends the exchange without a response; the client's side is up to the caller. */
    void abort() {
        leaveQueue();
        drop();
        discardCopy();
        unsure = null;
        Back from = back;
        back = null;
        if (from != null) {
            from.abandon();
            from.target().end(lane);
        }
    }
}
