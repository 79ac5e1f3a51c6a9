package dev.drover.lb;

import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.UdpSocket;
import dev.drover.lb.path.Entrance;
import dev.drover.lb.path.LbLane;
import dev.drover.lb.path.UdpFront;
import dev.drover.lb.path.VirtualServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A bound UDP port: a socket for each lane on the same address (SO_REUSEPORT). The kernel gives the datagrams between the same
 * two addresses and ports to the same socket as long as there are the same sockets, so that a client stays with one lane,
 * which alone knows its session.
 *
 * <p>Closing keeps the sockets open, though nothing is read from them any more, until the sessions have got their last
 * answers, which must come from the port that was asked.
 */
final class DatagramDoor extends Door {
    /** Room for a burst: a thousand datagrams of the largest size, several thousand small ones. */
    private static final int SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;

    private final Lanes lanes;
    private final List<LbLane> state;
    private List<UdpFront> fronts = List.of();
    private List<UdpFront> closing = List.of();
    private @Nullable InetSocketAddress bound;
    private @Nullable VirtualServer server;
    private boolean started;

    DatagramDoor(Key key, Lanes lanes, List<LbLane> state) {
        super(key);
        this.lanes = lanes;
        this.state = state;
    }

    @Override
    void lead(Entrance.@Nullable Room room) {
        server = room == null ? null : room.server();
        fronts.forEach(front -> front.lead(server));
    }

    @Override
    @Nullable
    InetSocketAddress bound() {
        return bound;
    }

    @Override
    void open() throws IOException {
        InetAddress address = key().bind().getAddress();
        boolean everywhere = address.isAnyLocalAddress();
        List<UdpSocket> sockets = lanes.sockets().bindGroup(key().bind(), lanes.count(), SOCKET_BUFFER_BYTES);
        bound = new InetSocketAddress(address, sockets.getFirst().port());
        UdpFront[] opened = new UdpFront[sockets.size()];
        for (int i = 0; i < opened.length; i++) {
            UdpSocket socket = sockets.get(i);
            if (everywhere) {
                socket.tellLocalAddress();
            }
            opened[i] = new UdpFront(lanes, state.get(i % state.size()), socket, everywhere ? null : address);
            opened[i].lead(server);
        }
        fronts = List.of(opened);
        if (started) {
            start();
        }
    }

    @Override
    void start() {
        started = true;
        fronts.forEach(UdpFront::start);
    }

    @Override
    void close(long drainNs) {
        fronts.forEach(front -> front.retire(drainNs));
        closing = fronts;
        fronts = List.of();
        bound = null;
    }

    /** Closes now what {@link #close} has kept open. */
    void release() {
        closing.forEach(UdpFront::close);
    }

    /** Whether {@link #close} keeps a socket open. */
    boolean lingers() {
        return !closing.stream().allMatch(UdpFront::ended);
    }

    /** Datagrams that the kernel threw away because the queue of a socket was full. */
    long overflows() {
        return fronts.stream().mapToLong(UdpFront::overflows).sum();
    }
}
