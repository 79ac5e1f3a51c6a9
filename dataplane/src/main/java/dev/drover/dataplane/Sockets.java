package dev.drover.dataplane;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.unix.UnixChannel;
import io.netty.channel.unix.UnixChannelOption;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The sockets on which the data plane is asked: listening TCP sockets and bound UDP sockets. They can be given to another
 * process of the same node, which takes them where it would bind: a socket that is never closed loses neither the
 * connections in its accept queue nor the datagrams in its buffer, as SO_REUSEPORT of two processes would.
 *
 * <p>Both processes read from such a socket until the former one stops. Thread-safe. Taking over needs epoll: the other
 * transport cannot open a channel on a descriptor that it did not make; it binds instead.
 */
public final class Sockets {
    /** How a socket is asked. */
    public enum Kind {
        /** Listening TCP socket. */
        STREAM,
        /** Bound UDP socket. */
        DATAGRAM
    }

    /**
     * A socket that can be given away, or was given.
     *
     * @param fd open in this process
     */
    public record Held(Kind kind, InetSocketAddress address, int fd) {}

    private record Key(Kind kind, InetSocketAddress address) {}

    private final Lanes lanes;
    private final Set<Channel> listening = ConcurrentHashMap.newKeySet();
    private final Map<UdpSocket, InetSocketAddress> bound = new ConcurrentHashMap<>();
    private final Map<Key, ArrayDeque<Integer>> inherited = new HashMap<>();

    Sockets(Lanes lanes) {
        this.lanes = lanes;
    }

    /** Takes over {@code sockets} of a former process; what nobody asks for is closed by {@link #closeUnclaimed}. */
    public synchronized void inherit(List<Held> sockets) {
        for (Held socket : sockets) {
            inherited
                    .computeIfAbsent(new Key(socket.kind(), canonical(socket.address())), _ -> new ArrayDeque<>())
                    .add(socket.fd());
        }
    }

    /** Whether a socket at {@code address} was inherited and not asked for yet: then the port is ours already. */
    public synchronized boolean inherits(Kind kind, InetSocketAddress address) {
        return lanes.transport() == Transport.EPOLL && inherited.containsKey(new Key(kind, canonical(address)));
    }

    /**
     * Takes the inherited socket or binds a new one; accepted connections have the lanes' transport.
     *
     * <p>A port that this process listens on at every address can be listened on at one address too, and the other way
     * round: the kernel gives a connection to the socket whose address is the more exact. A port of another process
     * cannot.
     *
     * @param bootstrap complete but for its channel type
     */
    public ChannelFuture listen(ServerBootstrap bootstrap, InetSocketAddress address) {
        Integer fd = claim(Kind.STREAM, address);
        if (fd == null) {
            if (shareOwn(address)) {
                bootstrap.option(UnixChannelOption.SO_REUSEPORT, true);
            }
            return watched(bootstrap.channel(lanes.serverChannel()).bind(address));
        }
        Supplier<EpollServerSocketChannel> adopted = () -> new EpollServerSocketChannel(fd);
        return watched(bootstrap.channelFactory(adopted::get).register());
    }

    /** Lets our own listeners of the port at other addresses be beside a new one; false when there is none. */
    private boolean shareOwn(InetSocketAddress address) {
        List<Channel> beside = new ArrayList<>();
        for (Channel each : listening) {
            if (each.localAddress() instanceof InetSocketAddress other && other.getPort() == address.getPort()) {
                if (canonical(other).equals(canonical(address))) {
                    return false;
                }
                beside.add(each);
            }
        }
        beside.forEach(channel -> channel.config().setOption(UnixChannelOption.SO_REUSEPORT, true));
        return !beside.isEmpty();
    }

    /**
     * Takes the inherited socket or binds a new one, several of them on the same address and port (SO_REUSEPORT). The
     * wildcard address of either family stands for both.
     *
     * @param bufferBytes of the kernel's queues; beyond the system's limits when privileged
     * @return to be closed by {@link #close}
     * @throws IOException when the address is taken or not of this host
     */
    public UdpSocket bind(InetSocketAddress address, int bufferBytes) throws IOException {
        Integer fd = claim(Kind.DATAGRAM, address);
        UdpSocket socket;
        try {
            socket = fd != null ? UdpSocket.adopt(fd) : open(address, address.getPort(), true, bufferBytes);
        } catch (IllegalStateException | SysException e) {
            throw new IOException(e.getMessage(), e);
        }
        bound.put(socket, new InetSocketAddress(address.getAddress(), socket.port()));
        return socket;
    }

    /**
     * As {@link #bind}, {@code count} sockets at once that share the flows among them. A port that anybody else has is
     * refused, also where the other would share it; our own sockets of the port at other addresses may be beside it. More
     * than {@code count} when more were inherited: each has a queue of its own, in which datagrams may wait.
     *
     * @throws IOException when the address is taken or not of this host; then no socket is left open
     */
    public List<UdpSocket> bindGroup(InetSocketAddress address, int count, int bufferBytes) throws IOException {
        List<UdpSocket> group = new ArrayList<>();
        try {
            for (Integer fd = claim(Kind.DATAGRAM, address); fd != null; fd = claim(Kind.DATAGRAM, address)) {
                group.add(UdpSocket.adopt(fd));
            }
            if (group.isEmpty()) {
                UdpSocket first = open(address, address.getPort(), besideOwn(address), bufferBytes);
                group.add(first);
                first.share();
            }
            while (group.size() < count) {
                group.add(open(address, group.getFirst().port(), true, bufferBytes));
            }
        } catch (IllegalStateException | SysException e) {
            group.forEach(UdpSocket::close);
            throw new IOException(e.getMessage(), e);
        }
        group.forEach(socket -> bound.put(socket, new InetSocketAddress(address.getAddress(), socket.port())));
        return group;
    }

    /** Whether we have sockets of the port, and only at other addresses. */
    private boolean besideOwn(InetSocketAddress address) {
        boolean beside = false;
        for (InetSocketAddress other : bound.values()) {
            if (other.getPort() == address.getPort()) {
                if (canonical(other).equals(canonical(address))) {
                    return false;
                }
                beside = true;
            }
        }
        return beside;
    }

    private static UdpSocket open(InetSocketAddress address, int port, boolean shared, int bufferBytes) {
        return address.getAddress().isAnyLocalAddress()
                ? UdpSocket.openEverywhere(port, shared, bufferBytes)
                : UdpSocket.open(address.getAddress(), port, shared, bufferBytes);
    }

    /** Closes a socket of {@link #bind} or {@link #bindGroup}. */
    public void close(UdpSocket socket) {
        bound.remove(socket);
        socket.close();
    }

    private synchronized @Nullable Integer claim(Kind kind, InetSocketAddress address) {
        if (lanes.transport() != Transport.EPOLL) {
            return null;
        }
        Key key = new Key(kind, canonical(address));
        ArrayDeque<Integer> held = inherited.get(key);
        if (held == null) {
            return null;
        }
        Integer fd = held.poll();
        if (held.isEmpty()) {
            inherited.remove(key);
        }
        return fd;
    }

    private ChannelFuture watched(ChannelFuture opening) {
        Channel channel = opening.channel();
        listening.add(channel);
        channel.closeFuture().addListener(closed -> listening.remove(channel));
        return opening;
    }

    /** The sockets open now, in a stable order; empty for a transport that cannot give them away. */
    public List<Held> open() {
        List<Held> held = new ArrayList<>();
        if (lanes.transport() != Transport.EPOLL) {
            return held;
        }
        for (Channel channel : listening) {
            if (channel instanceof UnixChannel unix && channel.localAddress() instanceof InetSocketAddress address) {
                held.add(new Held(Kind.STREAM, address, unix.fd().intValue()));
            }
        }
        bound.forEach((socket, address) -> held.add(new Held(Kind.DATAGRAM, address, socket.fd())));
        held.sort(Comparator.comparingInt(Held::fd));
        return held;
    }

    /** Closes inherited sockets that the configuration has no use for any more. */
    public synchronized void closeUnclaimed() throws IOException {
        Iterator<ArrayDeque<Integer>> left = inherited.values().iterator();
        while (left.hasNext()) {
            for (int fd : left.next()) {
                new FileDescriptor(fd).close();
            }
            left.remove();
        }
    }

    /** The wildcard address has two spellings; a socket bound to one tells the other, depending on its family. */
    private static InetSocketAddress canonical(InetSocketAddress address) {
        return address.getAddress().isAnyLocalAddress()
                ? new InetSocketAddress((InetAddress) null, address.getPort())
                : address;
    }
}
