package dev.drover.dns.resolve;

import dev.drover.dataplane.CounterSet;
import dev.drover.dns.wire.ExtendedError;
import io.netty.channel.Channel;
import io.netty.channel.IoEventLoop;
import io.netty.channel.group.ChannelGroup;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Asks upstreams for one lane, on its thread alone: equal questions that are asked at the same time become one
 * {@link Flight}, what failed is left alone for a moment, and answers go to the cache that all lanes share.
 */
public final class Resolver {
    /** Sockets that only wait to learn the time of a slow upstream are closed above so many. */
    static final int MAX_OPEN_TRIES = 512;

    final int lane;
    final IoEventLoop loop;
    final Class<? extends Channel> datagramChannel;
    final Class<? extends Channel> socketChannel;
    final ChannelGroup channels;
    final Consumer<Throwable> faults;
    final SecureRandom random = new SecureRandom();
    int openTries;

    private final CounterSet<ForwardOutcome> outcomes;
    private final LoopProbes loopProbes;
    private final Map<Question, Flight> flights = new HashMap<>();
    private final Map<Upstream, TlsLink> links = new HashMap<>();
    private final Failures failures = new Failures();

    /** @param channels gets every channel that is opened, so that the server can close them */
    public Resolver(
            int lane,
            IoEventLoop loop,
            Class<? extends Channel> datagramChannel,
            Class<? extends Channel> socketChannel,
            ChannelGroup channels,
            Consumer<Throwable> faults,
            CounterSet<ForwardOutcome> outcomes,
            LoopProbes loopProbes) {
        this.lane = lane;
        this.loop = loop;
        this.datagramChannel = datagramChannel;
        this.socketChannel = socketChannel;
        this.channels = channels;
        this.faults = faults;
        this.outcomes = outcomes;
        this.loopProbes = loopProbes;
    }

    /** Why the question failed a moment ago, so that asking again would only add load (RFC 9520); else null. */
    public @Nullable ExtendedError failure(Question question, UpstreamSet set, long nowNs) {
        return failures.find(question, set, nowNs);
    }

    /**
     * Asks, or joins whoever asks the same already. The waiter is called once, on this lane, at the latest after
     * {@link Timing#totalMs}.
     *
     * @param set not empty
     */
    public void ask(Question question, UpstreamSet set, AnswerCache cache, Timing timing, Waiter waiter) {
        Flight flight = flights.get(question);
        if (flight != null && flight.isTo(set)) {
            count(ForwardOutcome.COALESCED);
            flight.join(waiter);
            return;
        }
        flight = new Flight(this, question, set, cache, timing);
        flight.join(waiter);
        flights.put(question, flight);
        flight.start();
        probeForLoops(set, cache, timing);
    }

    /** Whether a query that came in is one of ours that went out and came back; its upstream is then not asked again. */
    public boolean isEcho(Question question, int id, byte[] asked) {
        Flight flight = flights.get(question);
        return flight != null && flight.onEcho(id, asked);
    }

    private void probeForLoops(UpstreamSet set, AnswerCache cache, Timing timing) {
        long now = System.nanoTime();
        for (Upstream upstream : set.upstreams()) {
            if (upstream.takeLoopProbe(now)) {
                Question probe = loopProbes.probe(upstream, random.nextLong());
                Flight flight = new Flight(this, probe, new UpstreamSet(List.of(upstream)), cache, timing);
                flights.put(probe, flight);
                flight.start();
            }
        }
    }

    void landed(Flight flight, Question question) {
        flights.remove(question, flight);
    }

    void failed(Question question, ExtendedError why) {
        failures.add(question, why, System.nanoTime());
    }

    void succeeded(Question question) {
        failures.remove(question);
    }

    TlsLink link(Upstream upstream) {
        TlsLink link = links.get(upstream);
        if (link == null || !link.isOpen()) {
            link = new TlsLink(this, upstream);
            links.put(upstream, link);
            link.open();
        }
        return link;
    }

    void closed(TlsLink link, Upstream upstream) {
        links.remove(upstream, link);
    }

    public void count(ForwardOutcome outcome) {
        outcomes.increment(lane, outcome);
    }
}
