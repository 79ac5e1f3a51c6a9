package dev.drover.lab;

import dev.drover.dataplane.NetNs;
import java.io.Closeable;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Listens on the machine's loopback and connects inside a network namespace: the one door into a lab. Connections are
 * accepted on a virtual thread; each is opened on a short-lived thread inside the namespace.
 */
public final class Forwarder implements Closeable {
    private static final Duration CONNECT = Duration.ofSeconds(5);

    private final ServerSocketChannel listener;
    private final NetNs namespace;
    private final InetSocketAddress target;
    private final Set<Pipe> pipes = ConcurrentHashMap.newKeySet();

    private Forwarder(ServerSocketChannel listener, NetNs namespace, InetSocketAddress target) {
        this.listener = listener;
        this.namespace = namespace;
        this.target = target;
    }

    /**
     * @param port on 127.0.0.1 of the machine; 0 for any
     * @param netns namespace in which {@code target} is reached
     * @throws LabException the port is taken
     */
    public static Forwarder open(int port, Path netns, InetSocketAddress target) {
        ServerSocketChannel listener = listen(port);
        Forwarder forwarder = new Forwarder(listener, NetNs.open(netns.toString()), target);
        Thread.ofVirtual().start(forwarder::acceptAll);
        return forwarder;
    }

    private static ServerSocketChannel listen(int port) {
        try {
            return ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        } catch (BindException e) {
            throw new LabException("port 127.0.0.1:%d: %s (expected: a free port)".formatted(port, e.getMessage()), e);
        } catch (IOException e) {
            throw new LabException("port 127.0.0.1:" + port + ": " + e.getMessage(), e);
        }
    }

    /** Port on 127.0.0.1 of the machine. */
    public int port() {
        return listener.socket().getLocalPort();
    }

    private void acceptAll() {
        while (true) {
            try {
                SocketChannel client = listener.accept();
                Thread.ofVirtual().start(() -> connect(client));
            } catch (IOException e) {
                // A client that left before it was accepted is no reason to stop.
                if (!listener.isOpen()) {
                    return;
                }
            }
        }
    }

    private void connect(SocketChannel client) {
        try {
            SocketChannel server = namespace.call(this::connectInside);
            Pipe[] self = new Pipe[1];
            synchronized (self) {
                self[0] = Pipe.between(client, server, () -> forget(self));
                pipes.add(self[0]);
            }
        } catch (IOException e) {
            Pipe.closeQuietly(client);
        }
    }

    private void forget(Pipe[] self) {
        synchronized (self) {
            pipes.remove(self[0]);
        }
    }

    private SocketChannel connectInside() throws IOException {
        SocketChannel channel = SocketChannel.open();
        try {
            channel.socket().connect(target, (int) CONNECT.toMillis());
            return channel;
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    @Override
    public void close() {
        Pipe.closeQuietly(listener);
        pipes.forEach(Pipe::close);
        namespace.close();
    }
}
