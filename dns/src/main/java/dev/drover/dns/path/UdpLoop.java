package dev.drover.dns.path;

import dev.drover.dataplane.DatagramBatch;
import dev.drover.dataplane.FdWatch;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.SocketName;
import dev.drover.dataplane.Sys;
import dev.drover.dataplane.UdpSocket;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import org.jspecify.annotations.Nullable;

/**
 * The queries of one UDP socket of one lane: a batch is received by one system call, each usual reply is written where it
 * is sent from, and all leave by one system call, to the names that the kernel wrote beside the queries. From socket to
 * socket nothing is allocated for them.
 *
 * <pre>
 *  received | name  query | name  query | …        replies | reply | reply | …
 *              ▲                                             │ to
 *              └─────────────────────────────────────────────┘
 * </pre>
 *
 * Everything else is answered now or later through an {@link Asker}, and its reply copied. Methods named {@code on…} run on
 * the lane's thread, the others on any other.
 */
public final class UdpLoop {
    private static final int SLOTS = 64;
    /** What is longer is cut, and malformed then. */
    private static final int QUERY_BYTES = Query.MAX_LENGTH;
    /** No reply over UDP is longer than {@link dev.drover.dns.wire.Wire#EDNS_PAYLOAD}. */
    private static final int REPLY_BYTES = 1_280;
    /** Most batches that are answered before the close, of a socket that does not get empty. */
    private static final int CLOSING_BATCHES = 64;

    private final Lanes lanes;
    private final QueryLane lane;
    private final UdpSocket socket;
    private final Slab slab = new Slab();
    private final DatagramBatch received = new DatagramBatch(SLOTS, QUERY_BYTES, slab);
    private final DatagramBatch replies = new DatagramBatch(SLOTS, REPLY_BYTES, slab);
    private final ByteBuf[] queries = buffers(received);
    private final ByteBuf[] messages = buffers(replies);
    private int pending;
    private boolean reading;
    private boolean closed;
    private @Nullable FdWatch watch;

    /** @param socket stays the caller's, open until {@link #close} has returned */
    public UdpLoop(Lanes lanes, QueryLane lane, UdpSocket socket) {
        this.lanes = lanes;
        this.lane = lane;
        this.socket = socket;
    }

    private static ByteBuf[] buffers(DatagramBatch batch) {
        ByteBuf[] buffers = new ByteBuf[SLOTS];
        for (int i = 0; i < SLOTS; i++) {
            buffers[i] = Unpooled.wrappedBuffer(batch.data(i));
        }
        return buffers;
    }

    /** Begins to read queries. */
    public synchronized void start() {
        if (watch == null) {
            watch = FdWatch.start(lanes, lane.index(), socket.fd(), this::onReadable);
        }
    }

    /** Reads no more queries; replies still go out. */
    public synchronized void stop() {
        if (watch != null) {
            watch.stop();
            watch = null;
        }
    }

    /** Answers what has come in, unless it was stopped before, and reads and sends nothing more. */
    public synchronized void close() {
        boolean started = watch != null;
        stop();
        if (lane.loop().isShuttingDown()) {
            lane.loop().terminationFuture().awaitUninterruptibly();
        } else {
            lane.loop().submit(() -> onClose(started)).awaitUninterruptibly();
        }
        slab.close();
    }

    private void onClose(boolean started) {
        for (int i = 0; started && i < CLOSING_BATCHES; i++) {
            if (onBatch() <= 0) {
                break;
            }
        }
        closed = true;
    }

    private void onReadable() {
        onBatch();
    }

    private int onBatch() {
        int count = received.receive(socket.fd());
        if (count < 0) {
            if (count != -Sys.EAGAIN && count != -Sys.EINTR) {
                lane.drop(Drop.IO_ERROR);
            }
            return count;
        }
        reading = true;
        for (int i = 0; i < count; i++) {
            try {
                onDatagram(i);
            } catch (RuntimeException e) {
                lane.onFault(e);
            }
        }
        reading = false;
        flush();
        return count;
    }

    private void onDatagram(int slot) {
        long client = received.name(slot);
        if (SocketName.port(client) == 0) {
            lane.drop(Drop.NO_PORT);
            return;
        }
        ByteBuf query = queries[slot].setIndex(0, received.length(slot));
        ByteBuf reply = messages[pending].clear();
        switch (lane.onUsual(query, Via.UDP, SocketName.high(client), SocketName.low(client), reply)) {
            case ANSWERED -> {
                replies.to(pending, client);
                add();
            }
            case UNUSUAL -> {
                SocketName to = SocketName.read(client);
                lane.onQuery(query, Via.UDP, to.address(), answer -> send(answer.message(), to));
            }
            case ABOVE_RATE -> {
                SocketName to = SocketName.read(client);
                lane.onTooMany(query, Via.UDP, to.address(), answer -> send(answer.message(), to));
            }
        }
    }

    private void send(ByteBuf message, SocketName client) {
        if (closed) {
            message.release();
            return;
        }
        messages[pending].clear().writeBytes(message);
        message.release();
        long name = replies.name(pending);
        client.put(name);
        replies.to(pending, name);
        add();
        if (!reading) {
            flush();
        }
    }

    /** The reply at {@link #pending} is complete. */
    private void add() {
        replies.length(pending, messages[pending].readableBytes());
        if (++pending == SLOTS) {
            flush();
        }
    }

    /** Sends all; what the kernel refuses is dropped and counted. */
    private void flush() {
        int sent = 0;
        while (sent < pending) {
            int result = replies.send(socket.fd(), sent, pending);
            if (result > 0) {
                sent += result;
            } else if (result != -Sys.EINTR) {
                boolean full = result == -Sys.EAGAIN || result == -Sys.ENOBUFS;
                lane.drop(full ? Drop.SEND_QUEUE_FULL : Drop.IO_ERROR);
                sent++;
            }
        }
        pending = 0;
    }
}
