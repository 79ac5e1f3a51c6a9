package dev.drover.dns.path;

import dev.drover.dataplane.CounterSet;
import dev.drover.dns.resolve.CacheOutcome;
import dev.drover.dns.resolve.ForwardOutcome;
import dev.drover.dns.wire.QueryType;
import dev.drover.dns.wire.Rcode;

/** All counters of the server, a row per lane. */
public record Counters(
        CounterSet<Via> transports,
        CounterSet<QueryType> types,
        CounterSet<Rcode> rcodes,
        CounterSet<ForwardOutcome> forwards,
        CounterSet<CacheOutcome> cache,
        CounterSet<Drop> drops,
        LatencyHistogram latency) {
    public static Counters of(int lanes) {
        return new Counters(
                new CounterSet<>(Via.class, lanes),
                new CounterSet<>(QueryType.class, lanes),
                new CounterSet<>(Rcode.class, lanes),
                new CounterSet<>(ForwardOutcome.class, lanes),
                new CounterSet<>(CacheOutcome.class, lanes),
                new CounterSet<>(Drop.class, lanes),
                new LatencyHistogram(lanes));
    }
}
