package dev.drover.dns.path;

import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Snapshot;
import dev.drover.dns.resolve.LoopProbes;
import dev.drover.dns.resolve.Resolver;
import dev.drover.dns.wire.QueryType;
import dev.drover.dns.wire.Rcode;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandler;
import io.netty.channel.IoEventLoop;
import io.netty.channel.group.ChannelGroup;
import java.net.InetAddress;

/** Everything that belongs to one event loop of the server: all queries it reads are answered here, on its thread. */
public final class QueryLane {
    final Quota connections;

    private final int index;
    private final IoEventLoop loop;
    private final Snapshot<Serving> serving;
    private final Counters counters;
    private final PlainQuestion plainQuestion = new PlainQuestion();
    private final Forwarder forwarder;
    private final Faults faults;

    /** @param channels gets every channel that is opened on behalf of a query, so that the server can close them */
    public QueryLane(
            Lanes lanes,
            int index,
            Snapshot<Serving> serving,
            Counters counters,
            Quota forwards,
            Quota connections,
            LoopProbes loopProbes,
            ChannelGroup channels,
            Faults faults) {
        this.index = index;
        this.loop = lanes.lane(index);
        this.serving = serving;
        this.counters = counters;
        this.connections = connections;
        this.faults = faults;
        Resolver resolver = new Resolver(
                index,
                loop,
                lanes.datagramChannel(),
                lanes.socketChannel(),
                channels,
                this::onFault,
                counters.forwards(),
                loopProbes);
        this.forwarder = new Forwarder(index, resolver, loopProbes, loop, counters.cache(), forwards);
    }

    Limits limits() {
        return serving.read().limits();
    }

    public IoEventLoop loop() {
        return loop;
    }

    /** Handler for a datagram channel of this lane. */
    public ChannelHandler udpHandler() {
        return new UdpHandler(this);
    }

    /**
     * Answers one message.
     *
     * @param message stays the caller's
     * @return whether {@code asker} is or will be called
     */
    boolean onQuery(ByteBuf message, Via via, InetAddress client, Asker asker) {
        Reply plain = plainQuestion.answer(message, serving.read(), via);
        if (plain != null) {
            counters.transports().increment(index, via);
            counters.types().increment(index, plainQuestion.type());
            reply(asker, plain);
            return true;
        }
        Query query = Query.parse(message);
        switch (query.verdict) {
            case DROP_SHORT -> {
                drop(Drop.SHORT);
                return false;
            }
            case DROP_RESPONSE -> {
                drop(Drop.RESPONSE);
                return false;
            }
            case FORMERR -> {
                counters.transports().increment(index, via);
                reply(asker, Reply.headerOnly(query, Rcode.FORMERR));
            }
            case NOTIMP -> {
                counters.transports().increment(index, via);
                reply(asker, Reply.headerOnly(query, Rcode.NOTIMP));
            }
            case BADVERS, ANSWER -> {
                counters.transports().increment(index, via);
                counters.types().increment(index, QueryType.of(query.type));
                answer(query, via, client, asker);
            }
        }
        return true;
    }

    private void answer(Query query, Via via, InetAddress client, Asker asker) {
        Serving now = serving.read();
        if (query.verdict == Query.Verdict.BADVERS) {
            reply(asker, Reply.empty(query, Rcode.BADVERS, now.recursion()));
            return;
        }
        Reply reply;
        try {
            reply = Responder.respond(query, now, via);
        } catch (RuntimeException e) {
            onFault(e);
            reply = Reply.headerOnly(query, Rcode.SERVFAIL);
        }
        if (reply != null) {
            reply(asker, reply);
        } else {
            forwarder.forward(query, now, via, client, forwarded -> reply(asker, forwarded));
        }
    }

    private void reply(Asker asker, Reply reply) {
        counters.rcodes().increment(index, reply.rcode());
        asker.reply(reply);
    }

    void drop(Drop reason) {
        counters.drops().increment(index, reason);
    }

    final void onFault(Throwable fault) {
        drop(Drop.INTERNAL);
        faults.onFault(fault);
    }
}
