package dev.drover.dns.path;

import dev.drover.dataplane.CounterSet;
import dev.drover.dns.resolve.AnswerCache;
import dev.drover.dns.resolve.CacheOutcome;
import dev.drover.dns.resolve.ForwardOutcome;
import dev.drover.dns.resolve.LoopProbes;
import dev.drover.dns.resolve.Question;
import dev.drover.dns.resolve.Resolver;
import dev.drover.dns.resolve.UpstreamAnswer;
import dev.drover.dns.resolve.UpstreamSet;
import dev.drover.dns.resolve.Waiter;
import dev.drover.dns.wire.ExtendedError;
import dev.drover.dns.wire.QueryType;
import dev.drover.dns.wire.Rcode;
import dev.drover.dns.wire.Wire;
import io.netty.channel.IoEventLoop;
import io.netty.util.concurrent.Future;
import java.net.InetAddress;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Answers queries for names that are not ours: from the cache, by asking upstreams, or, when those fail or are slow, from
 * an answer past its time (RFC 8767). One for each lane, used by its thread alone.
 */
final class Forwarder {
    private static final Waiter NOBODY = new Waiter() {
        @Override
        public void onAnswer(UpstreamAnswer answer) {}

        @Override
        public void onFailure(ExtendedError why) {}
    };

    private final int lane;
    private final Resolver resolver;
    private final LoopProbes loopProbes;
    private final IoEventLoop loop;
    private final CounterSet<CacheOutcome> cacheOutcomes;
    private final Quota inFlight;

    Forwarder(
            int lane,
            Resolver resolver,
            LoopProbes loopProbes,
            IoEventLoop loop,
            CounterSet<CacheOutcome> cacheOutcomes,
            Quota inFlight) {
        this.lane = lane;
        this.resolver = resolver;
        this.loopProbes = loopProbes;
        this.loop = loop;
        this.cacheOutcomes = cacheOutcomes;
        this.inFlight = inFlight;
    }

    /** Replies to {@code asker}, at the latest after the total time, with SERVFAIL and the reason if nothing helps. */
    void forward(Query query, Serving serving, Via via, InetAddress client, Asker asker) {
        UpstreamSet upstreams = serving.forwarding().route(query.name);
        if (upstreams.isEmpty()) {
            resolver.count(ForwardOutcome.NO_UPSTREAM);
            // The zone is then all there is. Of all rcodes only NXDOMAIN makes glibc and musl go on with the search
            // list at once; without SOA nobody caches it.
            asker.reply(Reply.empty(query, Rcode.NXDOMAIN, serving.recursion()));
            return;
        }
        if (!query.flag(Wire.RD)) {
            // What others asked is nobody's concern, and we are not the authority.
            asker.reply(Reply.empty(query, Rcode.REFUSED, true, ExtendedError.NOT_AUTHORITATIVE));
            return;
        }
        if (query.type == QueryType.TYPE_ANY) {
            asker.reply(Reply.minimalAny(query));
            return;
        }
        AnswerCache cache = serving.cache();
        long now = System.nanoTime();
        boolean checkingDisabled = query.flag(Wire.CD);
        UpstreamAnswer known = cache.find(query.question, query.dnssecOk, checkingDisabled, now);
        if (known != null && known.isFresh(now)) {
            count(CacheOutcome.HIT);
            asker.reply(Reply.of(query, known, via, now, null));
            if (cache.policy().prefetch() && known.takePrefetch(now)) {
                count(CacheOutcome.PREFETCH);
                resolver.ask(known.question(), upstreams, cache, serving.timing(), NOBODY);
            }
            return;
        }
        count(CacheOutcome.MISS);
        Question question = new Question(query.question, query.dnssecOk, checkingDisabled);
        if (loopProbes.isProbe(question, now)) {
            resolver.count(ForwardOutcome.LOOP);
            asker.reply(Reply.empty(query, Rcode.NXDOMAIN, true, ExtendedError.LOOP));
        } else if (resolver.isEcho(question, query.id, query.question)) {
            asker.reply(Reply.empty(query, Rcode.SERVFAIL, true, ExtendedError.LOOP));
        } else {
            ask(question, query, upstreams, serving, via, client, known, asker, now);
        }
    }

    private void ask(
            Question question,
            Query query,
            UpstreamSet upstreams,
            Serving serving,
            Via via,
            InetAddress client,
            @Nullable UpstreamAnswer stale,
            Asker asker,
            long now) {
        ExtendedError failed = resolver.failure(question, upstreams, now);
        Limits limits = serving.limits();
        if (failed != null) {
            count(CacheOutcome.FAILED_BEFORE);
            asker.reply(stale != null ? stale(query, stale, via) : failure(query, ExtendedError.CACHED_ERROR));
        } else if (!inFlight.enter(client, limits.forwards(), limits.forwardsPerClient())) {
            resolver.count(ForwardOutcome.LIMITED);
            asker.reply(stale != null ? stale(query, stale, via) : failure(query, ExtendedError.TOO_MANY_IN_FLIGHT));
        } else {
            Wait wait = new Wait(query, via, client, stale, asker);
            resolver.ask(question, upstreams, serving.cache(), serving.timing(), wait);
            if (stale != null) {
                wait.atMost(upstreams.isSick(now) ? 0 : serving.timing().staleMs());
            }
        }
    }

    private Reply stale(Query query, UpstreamAnswer stale, Via via) {
        count(CacheOutcome.STALE);
        ExtendedError why = stale.rcode() == Rcode.NXDOMAIN ? ExtendedError.STALE_NXDOMAIN : ExtendedError.STALE_ANSWER;
        return Reply.of(query, stale, via, System.nanoTime(), why);
    }

    private static Reply failure(Query query, ExtendedError why) {
        return Reply.empty(query, Rcode.SERVFAIL, true, why);
    }

    /** An answer of the cache was given without asking here. */
    void onHit() {
        count(CacheOutcome.HIT);
    }

    private void count(CacheOutcome outcome) {
        cacheOutcomes.increment(lane, outcome);
    }

    /** A client that waits for upstreams; it hears once, from them or from the clock. */
    private final class Wait implements Waiter {
        private final Query query;
        private final Via via;
        private final InetAddress client;
        private final @Nullable UpstreamAnswer stale;
        private final Asker asker;
        private @Nullable Future<?> timer;
        private boolean answered;

        Wait(Query query, Via via, InetAddress client, @Nullable UpstreamAnswer stale, Asker asker) {
            this.query = query;
            this.via = via;
            this.client = client;
            this.stale = stale;
            this.asker = asker;
        }

        /** From then on, the answer past its time will do. */
        void atMost(int ms) {
            if (answered) {
                return;
            }
            if (ms == 0) {
                onPatienceOver();
            } else {
                timer = loop.schedule(this::onPatienceOver, ms, TimeUnit.MILLISECONDS);
            }
        }

        private void onPatienceOver() {
            if (stale != null) {
                reply(stale(query, stale, via));
            }
        }

        @Override
        public void onAnswer(UpstreamAnswer answer) {
            if (!answered) {
                reply(Reply.of(query, answer, via, System.nanoTime(), null));
            }
        }

        @Override
        public void onFailure(ExtendedError why) {
            if (!answered) {
                reply(stale != null ? stale(query, stale, via) : failure(query, why));
            }
        }

        private void reply(Reply reply) {
            answered = true;
            if (timer != null) {
                timer.cancel(false);
            }
            inFlight.leave(client);
            asker.reply(reply);
        }
    }
}
