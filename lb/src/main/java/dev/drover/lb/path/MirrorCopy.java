package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The copy of a request on its way to a mirror, and the front that throws the answer away. It is sent when the request is
 * there as a whole; until then it shares the memory of the body and holds at most what the {@link Mirror} allows. Nothing of it
 * comes back to the request it is a copy of.
 */
final class MirrorCopy extends Timed implements Front {
    /** Tells a target that somebody else gives the answer. */
    static final String MARK = "X-Mirrored: 1\r\n\r\n";

    private static final byte[] MARK_BYTES = Ascii.bytes(MARK);
    private static final int BLANK_LINE_BYTES = 2;

    private final LbLane lane;
    private final VirtualServer server;
    private final Mirror mirror;
    private final Method method;
    private final long sourceKey;
    private final boolean secure;
    private final Account account;
    private final ArrayDeque<ByteBuf> body = new ArrayDeque<>(2);
    private @Nullable ByteBuf head;
    private int bodyBytes;
    private @Nullable Exchange exchange;

    /** @param of head of the request as targets get it; not yet sent, and left as it is */
    MirrorCopy(LbLane lane, VirtualServer server, Mirror mirror, Front front, Method method, ByteBuf of) {
        this.lane = lane;
        this.server = server;
        this.mirror = mirror;
        this.method = method;
        sourceKey = front.sourceKey();
        secure = front.secure();
        account = Account.unkept(lane, server);
        int length = of.readableBytes() - BLANK_LINE_BYTES;
        head = of.alloc()
                .buffer(length + MARK_BYTES.length)
                .writeBytes(of, of.readerIndex(), length)
                .writeBytes(MARK_BYTES);
    }

    /** One more piece of the body, which stays the caller's. */
    void add(ByteBuf piece) {
        if (head == null) {
            return;
        }
        bodyBytes += piece.readableBytes();
        if (bodyBytes > mirror.bodyBytes()) {
            lane.count(Event.MIRROR_BODY_TOO_LARGE);
            discard();
        } else {
            body.add(piece.retainedDuplicate());
        }
    }

    /** The request is complete. */
    void send() {
        ByteBuf request = head;
        if (request == null) {
            return;
        }
        if (!mirror.enter(lane)) {
            lane.count(Event.MIRROR_BUSY);
            discard();
            return;
        }
        lane.count(Event.MIRRORED);
        head = null;
        Exchange sending = new Exchange(this, lane, server);
        exchange = sending;
        lane.add(this);
        deadlineNs = System.nanoTime() + mirror.timeoutNs();
        sending.beginCopy(mirror.pool(), method, request, body);
        sending.flush();
    }

    /** There will be no copy. */
    void discard() {
        if (head != null) {
            head.release();
            head = null;
        }
        for (ByteBuf piece = body.poll(); piece != null; piece = body.poll()) {
            piece.release();
        }
    }

    private void end() {
        if (exchange != null) {
            exchange = null;
            mirror.leave(lane);
            lane.remove(this);
        }
    }

    private void fail() {
        lane.count(Event.MIRROR_FAILED);
        end();
    }

    @Override
    void onDeadline(long nowNs) {
        closeNow();
    }

    @Override
    void closeNow() {
        if (exchange != null) {
            exchange.abort();
            fail();
        }
    }

    @Override
    public void onExchangeEnd(Outcome outcome, boolean goOn) {
        end();
    }

    @Override
    public void onGivenUp(Outcome outcome) {
        fail();
    }

    @Override
    public void onTruncated(boolean framed) {
        fail();
    }

    @Override
    public ByteBufAllocator allocator() {
        return PooledByteBufAllocator.DEFAULT;
    }

    @Override
    public Account account() {
        return account;
    }

    @Override
    public long sourceKey() {
        return sourceKey;
    }

    @Override
    public boolean secure() {
        return secure;
    }

    @Override
    public boolean bare() {
        return true;
    }

    @Override
    public void write(ByteBuf piece) {
        piece.release();
    }

    @Override
    public boolean isWritable() {
        return true;
    }

    @Override
    public boolean mayGoOn() {
        return true;
    }

    @Override
    public void head(ResponseHead answer, ResponseHead.Persistence persistence, boolean chunked) {}

    @Override
    public void trailers(Fields trailers) {}

    @Override
    public void flush() {}

    @Override
    public void upstreamReady(boolean ready) {}

    @Override
    public void awaitResponse() {}

    @Override
    public void streaming() {}

    @Override
    public void graceUntil(long atNs) {}

    /** The answer 101 to a request that did not ask for it is no valid one, and does not get here. */
    @Override
    public void tunnel(HttpBack back) {
        back.closeNow();
    }
}
