package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import org.jspecify.annotations.Nullable;

/** A client connection and an upstream connection of the same lane whose bytes pass unseen in both directions. */
final class Tunnel {
    private final LbLane lane;
    private final VirtualServer server;
    private final Target target;
    private final Account account;
    private final Outcome outcome;
    private final Relay client;
    private final Relay upstream;
    private boolean ended;

    /** @param account of the connection, ended with it as {@code outcome} */
    Tunnel(
            LbLane lane,
            VirtualServer server,
            Target target,
            Account account,
            Outcome outcome,
            Channel client,
            Channel upstream) {
        this.lane = lane;
        this.server = server;
        this.target = target;
        this.account = account;
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

    /** {@code bytes} were read at {@code end}, to be passed on. */
    @SuppressWarnings("ReferenceEquality") // one of the two ends
    void passing(Relay end, int bytes) {
        if (end == client) {
            account.received(bytes);
        } else {
            account.sent(bytes);
        }
    }

    VirtualServer server() {
        return server;
    }

    /** Begins to relay; takes over what was read before from the client and from the target. */
    void start(@Nullable ByteBuf fromClient, @Nullable ByteBuf fromTarget, boolean clientEnded, boolean targetEnded) {
        if (fromClient != null) {
            account.received(fromClient.readableBytes());
            upstream.write(fromClient);
            upstream.flush();
        }
        if (fromTarget != null) {
            account.sent(fromTarget.readableBytes());
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
            account.end(outcome);
        }
    }
}
