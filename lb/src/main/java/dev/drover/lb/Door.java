package dev.drover.lb;

import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Sockets;
import dev.drover.lb.path.Entrance;
import dev.drover.lb.path.LbLane;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A bound port. It outlives the listener that opened it when another listener takes its address over. */
abstract sealed class Door permits StreamDoor, DatagramDoor {
    /**
     * What makes two doors the same.
     *
     * @param name of the listener when the port is to be a free one, since each such listener has its own; else empty
     */
    record Key(Sockets.Kind kind, InetSocketAddress bind, String name) {
        static Key of(ListenerConfig listener) {
            return new Key(
                    listener.protocol() == Protocol.UDP ? Sockets.Kind.DATAGRAM : Sockets.Kind.STREAM,
                    listener.bind(),
                    listener.bind().getPort() == 0 ? listener.name() : "");
        }

        boolean overlaps(Key other) {
            return kind == other.kind && bind.getPort() != 0 && bind.getPort() == other.bind.getPort();
        }
    }

    private final Key key;

    Door(Key key) {
        this.key = key;
    }

    /** A closed one. */
    static Door of(Key key, Lanes lanes, int acceptor, List<LbLane> state) {
        return switch (key.kind()) {
            case STREAM -> new StreamDoor(key, lanes, lanes.lane(acceptor), state);
            case DATAGRAM -> new DatagramDoor(key, lanes, state);
        };
    }

    final Key key() {
        return key;
    }

    /** Who comes in from now on finds {@code room}; null refuses. */
    abstract void lead(Entrance.@Nullable Room room);

    /** Address with the port the kernel chose; null while closed. */
    abstract @Nullable InetSocketAddress bound();

    /**
     * Binds, or takes the socket of a former process; waits for it. Nobody is let in before the first {@link #start}.
     *
     * @throws IOException with the kernel's reason, like {@code Address already in use}
     */
    abstract void open() throws IOException;

    /** Lets clients in from now on; {@link #lead} must have said where to. */
    abstract void start();

    /**
     * Lets nobody in any more; who is in goes on.
     *
     * @param drainNs until when, where the port is needed for it
     */
    abstract void close(long drainNs);
}
