package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import org.jspecify.annotations.Nullable;

/** A client connection and an upstream connection of the same lane whose bytes pass unseen in both directions. */
final class Tunnel {
    private final LbLane lane;
    private final VirtualServer server;
    private final Target target;
    private final Outcome outcome;
    private final Relay client;
    private final Relay upstream;
    private boolean ended;

    Tunnel(LbLane lane, VirtualServer server, Target target, Outcome outcome, Channel client, Channel upstream) {
        this.lane = lane;
        this.server = server;
        this.target = target;
        this.outcome = outcome;
        this.client = new Relay(lane, this, client);
        this.upstream = new Relay(lane, this, upstream);
        this.client.peer(this.upstream);
        this.upstream.peer(this.client);
        if (server.retired()) {
            this.client.deadlineNs = server.endNs();
        }
    }

    Relay client() {
        return client;
    }

    Relay upstream() {
        return upstream;
    }

    VirtualServer server() {
        return server;
    }

    /** Begins to relay; takes over what was read before from the client and from the target. */
    void start(@Nullable ByteBuf fromClient, @Nullable ByteBuf fromTarget, boolean clientEnded, boolean targetEnded) {
        if (fromClient != null) {
            upstream.write(fromClient);
            upstream.flush();
        }
        if (fromTarget != null) {
            client.write(fromTarget);
        }
        client.flush();
        client.regulate();
        upstream.regulate();
        if (clientEnded) {
            client.endInput();
        }
        if (targetEnded) {
            upstream.endInput();
        }
    }

    /** Gives back what the connection held of the target and the listener; once. */
    void end() {
        if (!ended) {
            ended = true;
            target.end(lane);
            server.closed(lane);
            lane.count(outcome);
        }
    }
}
