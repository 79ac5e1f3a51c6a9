package dev.drover.dns.path;

import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Snapshot;
import dev.drover.dataplane.SocketName;
import dev.drover.dns.resolve.LoopProbes;
import dev.drover.dns.resolve.Resolver;
import dev.drover.dns.wire.QueryType;
import dev.drover.dns.wire.Rcode;
import io.netty.buffer.ByteBuf;
import io.netty.channel.IoEventLoop;
import io.netty.channel.group.ChannelGroup;
import java.net.InetAddress;

/** Everything that belongs to one event loop of the server: all queries it reads are answered here, on its thread. */
public final class QueryLane {
    private static final long NS_PER_US = 1_000;
    private static final long MS_PER_SECOND = 1_000;
    /** One secret for all lanes: a client's datagrams meet any of them. */
    private static final Cookies COOKIES = Cookies.random();

    /** A power of two. */
    private static final int PLAIN_TIMED_ONE_IN = 16;

    final Quota connections;

    private final int index;
    private final IoEventLoop loop;
    private final Snapshot<Serving> serving;
    private final Counters counters;
    private final PlainQuestion plainQuestion = new PlainQuestion();
    private final Forwarder forwarder;
    private final Faults faults;
    private int plainSeen;
    private int tapSeen;

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

    int index() {
        return index;
    }

    /** What {@link #onUsual} did about a message. */
    enum Usual {
        /** The reply is written. */
        ANSWERED,
        /** Nothing: it is one for {@link #onQuery}. */
        UNUSUAL,
        /** Nothing: it is one for {@link #onTooMany}. */
        ABOVE_RATE
    }

    /**
     * Answers one message at once and without garbage, if it is a usual one.
     *
     * @param message stays the caller's
     * @param clientHigh upper half of the client's address, as {@link SocketName} reads it
     * @param clientLow lower half
     * @param reply with room for a message of the longest size that {@code via} allows; unchanged when not answered
     */
    Usual onUsual(ByteBuf message, Via via, long clientHigh, long clientLow, ByteBuf reply) {
        Serving now = serving.read();
        ResponseRate rate = now.rate();
        if (rate.isOn() && via == Via.UDP && !rate.take(clientHigh, clientLow, System.nanoTime() / NS_PER_US)) {
            return Usual.ABOVE_RATE;
        }
        return plain(message, now, via, clientHigh, clientLow, reply) ? Usual.ANSWERED : Usual.UNUSUAL;
    }

    /**
     * Answers one message above the rate: who shows a cookie of ours is really there, anybody else may come back by TCP.
     *
     * @param message stays the caller's
     */
    void onTooMany(ByteBuf message, Via via, InetAddress client, Asker asker) {
        Query query = Query.parse(message);
        if (query.cookie != null && COOKIES.isOurs(query.cookie, client, nowSeconds())) {
            onQuery(message, via, client, asker);
        } else if (query.verdict == Query.Verdict.ANSWER
                && serving.read().rate().slips()) {
            Reply slipped = Reply.truncated(query, serving.read().recursion());
            counters.transports().increment(index, via);
            counters.rcodes().increment(index, slipped.rcode());
            asker.reply(slipped);
        } else {
            drop(Drop.RATE_LIMITED);
        }
    }

    private boolean plain(ByteBuf message, Serving now, Via via, long clientHigh, long clientLow, ByteBuf reply) {
        // One in so many is timed, and counts for all.
        boolean timed = (++plainSeen & PLAIN_TIMED_ONE_IN - 1) == 0;
        long start = timed ? System.nanoTime() : 0;
        if (!plainQuestion.answer(message, now, via, clientHigh, clientLow, reply)) {
            return false;
        }
        counters.transports().increment(index, via);
        counters.types().increment(index, plainQuestion.type());
        counters.rcodes().increment(index, plainQuestion.rcode());
        LatencyHistogram.Source source = LatencyHistogram.Source.ZONE;
        if (plainQuestion.isCached()) {
            forwarder.onHit();
            source = LatencyHistogram.Source.FORWARD;
        }
        if (timed) {
            counters.latency().record(index, source, System.nanoTime() - start, PLAIN_TIMED_ONE_IN);
        }
        if (tapDue(now.tap())) {
            InetAddress client = SocketName.address(clientHigh, clientLow);
            tap(now.tap(), Query.parse(message), via, client, new Reply(reply, plainQuestion.rcode()), start);
        }
        return true;
    }

    /**
     * Answers one message that {@link #onUsual} did not.
     *
     * @param message stays the caller's
     * @return whether {@code asker} is or will be called
     */
    boolean onQuery(ByteBuf message, Via via, InetAddress client, Asker asker) {
        Serving now = serving.read();
        Query query = Query.parse(message);
        if (query.cookie != null) {
            query.replyCookie(COOKIES.answer(query.cookie, client, nowSeconds()));
        }
        if (via == Via.TCP) {
            query.keepConnection(now.limits().idleMs());
        }
        return onQuery(query, now, via, client, asker);
    }

    private boolean onQuery(Query query, Serving now, Via via, InetAddress client, Asker asker) {
        long start = System.nanoTime();
        Asker here = reply -> reply(query, via, client, start, LatencyHistogram.Source.ZONE, asker, reply);
        switch (query.verdict) {
            case DROP_SHORT -> {
                drop(Drop.SHORT);
                return false;
            }
            case DROP_RESPONSE -> {
                drop(Drop.RESPONSE);
                return false;
            }
            case FORMERR -> here.reply(Reply.headerOnly(query, Rcode.FORMERR));
            case NOTIMP -> here.reply(Reply.headerOnly(query, Rcode.NOTIMP));
            case COOKIE_ONLY -> here.reply(Reply.empty(query, Rcode.NOERROR, now.recursion()));
            case BADVERS -> here.reply(Reply.empty(query, Rcode.BADVERS, now.recursion()));
            case ANSWER -> {
                Asker far = reply -> reply(query, via, client, start, LatencyHistogram.Source.FORWARD, asker, reply);
                answer(query, now, via, client, here, far);
            }
        }
        counters.transports().increment(index, via);
        if (query.question.length > 0) {
            counters.types().increment(index, QueryType.of(query.type));
        }
        return true;
    }

    private void answer(Query query, Serving now, Via via, InetAddress client, Asker here, Asker far) {
        Answer answer;
        try {
            answer = Responder.respond(query, now, via, client);
        } catch (RuntimeException e) {
            onFault(e);
            answer = new Answer.Done(Reply.headerOnly(query, Rcode.SERVFAIL));
        }
        switch (answer) {
            case Answer.Done done -> here.reply(done.reply());
            case Answer.Forward _ -> forwarder.forward(query, now, via, client, far);
            case Answer.Follow follow ->
                forwarder.forward(follow.target(), now, via, client, rest -> far.reply(follow.complete(rest)));
        }
    }

    private void reply(
            Query query,
            Via via,
            InetAddress client,
            long startNs,
            LatencyHistogram.Source source,
            Asker asker,
            Reply reply) {
        counters.rcodes().increment(index, reply.rcode());
        counters.latency().record(index, source, System.nanoTime() - startNs, 1);
        QueryTap tap = serving.read().tap();
        if (tapDue(tap)) {
            tap(tap, query, via, client, reply, startNs);
        }
        asker.reply(reply);
    }

    private boolean tapDue(QueryTap tap) {
        int oneIn = tap.oneIn();
        if (oneIn == 0 || ++tapSeen < oneIn) {
            return false;
        }
        tapSeen = 0;
        return true;
    }

    private static void tap(QueryTap tap, Query query, Via via, InetAddress client, Reply reply, long startNs) {
        tap.accept(new QueryTap.Sample(
                System.currentTimeMillis(),
                client,
                via,
                query.question,
                reply.rcode(),
                reply.message().readableBytes(),
                startNs == 0 ? 0 : System.nanoTime() - startNs));
    }

    private static int nowSeconds() {
        return (int) (System.currentTimeMillis() / MS_PER_SECOND);
    }

    void drop(Drop reason) {
        counters.drops().increment(index, reason);
    }

    final void onFault(Throwable fault) {
        drop(Drop.INTERNAL);
        faults.onFault(fault);
    }
}
