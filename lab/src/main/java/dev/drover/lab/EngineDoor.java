package dev.drover.lab;

import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A second socket of a Docker engine that can be cut, as when the engine does not answer: nothing can connect any more
 * and what is connected breaks, while the engine itself works on and stays reachable by its own socket.
 */
public final class EngineDoor implements Closeable {
    private final Path socket;
    private final Path engine;
    private final Set<SocketChannel> connections = ConcurrentHashMap.newKeySet();
    private @Nullable ServerSocketChannel listener;

    private EngineDoor(Path socket, Path engine) {
        this.socket = socket;
        this.engine = engine;
    }

    /** Opens {@code socket} as a way to the engine's own socket. */
    public static EngineDoor open(Path socket, Path engine) {
        EngineDoor door = new EngineDoor(socket, engine);
        door.restore();
        return door;
    }

    /** Path of the socket. */
    public Path socket() {
        return socket;
    }

    /** Breaks all connections and refuses new ones. */
    public synchronized void cut() {
        if (listener != null) {
            Pipe.closeQuietly(listener);
            listener = null;
        }
        try {
            Files.deleteIfExists(socket);
        } catch (IOException e) {
            throw new LabException(socket + ": " + e.getMessage(), e);
        }
        connections.forEach(Pipe::closeQuietly);
        connections.clear();
    }

    /** Lets connections through again. */
    public synchronized void restore() {
        try {
            ServerSocketChannel opened =
                    ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(socket));
            listener = opened;
            Thread.ofVirtual().start(() -> acceptAll(opened));
        } catch (IOException e) {
            throw new LabException(socket + ": " + e.getMessage(), e);
        }
    }

    private void acceptAll(ServerSocketChannel from) {
        while (true) {
            try {
                connect(from.accept());
            } catch (IOException e) {
                // A client that left before it was accepted is no reason to stop.
                if (!from.isOpen()) {
                    return;
                }
            }
        }
    }

    private synchronized void connect(SocketChannel client) {
        try {
            SocketChannel server = SocketChannel.open(UnixDomainSocketAddress.of(engine));
            connections.add(client);
            Pipe.between(client, server, () -> connections.remove(client));
            if (listener == null) {
                // Cut between accept and here.
                Pipe.closeQuietly(client);
            }
        } catch (IOException e) {
            Pipe.closeQuietly(client);
        }
    }

    @Override
    public void close() {
        cut();
    }
}
