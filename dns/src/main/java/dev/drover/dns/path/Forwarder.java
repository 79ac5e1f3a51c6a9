package dev.drover.dns.path;

import dev.drover.dataplane.CounterSet;
import dev.drover.dns.wire.Rcode;
import io.netty.channel.Channel;
import io.netty.channel.IoEventLoop;
import io.netty.channel.group.ChannelGroup;
import java.net.InetAddress;

/** Asks upstreams on behalf of clients; one for each lane, used by its thread alone. */
final class Forwarder {
    final IoEventLoop loop;
    final Class<? extends Channel> datagramChannel;
    final Class<? extends Channel> socketChannel;
    final Limits limits;
    final ChannelGroup channels;
    final Faults faults;

    private final int lane;
    private final CounterSet<ForwardOutcome> outcomes;
    private final Quota inFlight;

    Forwarder(
            int lane,
            IoEventLoop loop,
            Class<? extends Channel> datagramChannel,
            Class<? extends Channel> socketChannel,
            Limits limits,
            ChannelGroup channels,
            Faults faults,
            CounterSet<ForwardOutcome> outcomes,
            Quota inFlight) {
        this.lane = lane;
        this.loop = loop;
        this.datagramChannel = datagramChannel;
        this.socketChannel = socketChannel;
        this.limits = limits;
        this.channels = channels;
        this.faults = faults;
        this.outcomes = outcomes;
        this.inFlight = inFlight;
    }

    /** Replies to {@code asker} within {@link Limits#totalMs}, with SERVFAIL if no upstream helps. */
    void forward(Query query, Serving serving, Via via, InetAddress client, Asker asker) {
        if (serving.upstreams().isEmpty()) {
            count(ForwardOutcome.NO_UPSTREAM);
            // The zone is then all there is. Of all rcodes only NXDOMAIN makes glibc and musl go on with the search
            // list
            // at once; without SOA nobody caches it.
            asker.reply(Reply.empty(query, Rcode.NXDOMAIN, false));
        } else if (!inFlight.enter(client)) {
            count(ForwardOutcome.LIMITED);
            asker.reply(Reply.empty(query, Rcode.SERVFAIL, true));
        } else {
            new Exchange(this, query, serving.upstreamsInOrder(System.nanoTime()), via, reply -> {
                        inFlight.leave(client);
                        asker.reply(reply);
                    })
                    .start();
        }
    }

    void count(ForwardOutcome outcome) {
        outcomes.increment(lane, outcome);
    }
}
