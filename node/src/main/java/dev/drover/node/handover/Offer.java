package dev.drover.node.handover;

import dev.drover.dataplane.Sockets;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Waits for a successor and gives it this node's sockets. The socket file is left behind at the end: it may be the
 * successor's by then.
 */
public final class Offer implements AutoCloseable {
    static final String GREETING = "drover-handover-1\n";

    private static final Logger LOG = LoggerFactory.getLogger(Offer.class);
    private static final Duration GREETING_LIMIT = Duration.ofSeconds(5);
    private static final Duration SERVING_LIMIT = Duration.ofSeconds(60);
    private static final String MAKING = ".new";
    private static final long LOOP_END_MS = 1_000;

    /** What the node does about a successor; called by one thread. */
    public interface Giver {
        /** Stops all but the listeners and the resolver, and tells their sockets. */
        List<Sockets.Held> park();

        /** The successor did not come to serve: goes on as before {@link #park}. */
        void resume();

        /** The successor serves: accepts nothing more, waits for what is under way, and lets the process end. */
        void leave();
    }

    private final Giver giver;
    private final EventLoopGroup loop;
    /** One successor at a time; after the one that serves there is none. */
    private final ReentrantLock turn = new ReentrantLock();

    private boolean given;

    private Offer(Giver giver, EventLoopGroup loop) {
        this.giver = giver;
        this.loop = loop;
    }

    /**
     * Listens at {@code path}, in place of whoever did before.
     *
     * @throws IOException when that cannot be done, naming the path
     */
    public static Offer open(Path path, Giver giver) throws IOException {
        // Made under another name: it appears complete, and the channel removes that name when it ends, not a
        // successor's.
        Path making = path.resolveSibling(path.getFileName() + MAKING);
        Files.deleteIfExists(making);
        Offer offer = new Offer(giver, loop());
        ChannelFuture binding = new ServerBootstrap()
                .group(offer.loop)
                .channel(EpollServerDomainSocketChannel.class)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        Stream.Inbound inbound = new Stream.Inbound();
                        channel.pipeline().addLast(inbound);
                        offer.accepted(Stream.of(channel, inbound));
                    }
                })
                .bind(new DomainSocketAddress(making.toString()))
                .awaitUninterruptibly();
        if (!binding.isSuccess()) {
            offer.close();
            throw new IOException(path + ": " + binding.cause().getMessage(), binding.cause());
        }
        Files.setPosixFilePermissions(making, PosixFilePermissions.fromString("rw-------"));
        Files.move(making, path, StandardCopyOption.ATOMIC_MOVE);
        return offer;
    }

    static EventLoopGroup loop() {
        return new MultiThreadIoEventLoopGroup(
                1, new DefaultThreadFactory("handover", true), EpollIoHandler.newFactory());
    }

    static void end(EventLoopGroup loop) {
        loop.shutdownGracefully(0, LOOP_END_MS, TimeUnit.MILLISECONDS);
    }

    private void accepted(Stream stream) {
        Thread.ofVirtual().name("handover").start(() -> {
            try (stream) {
                handOver(stream);
            } catch (IOException e) {
                LOG.warn("handover refused: {}", e.getMessage());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    private void handOver(Stream stream) throws IOException, InterruptedException {
        stream.checkPeer();
        byte[] greeting = GREETING.getBytes(StandardCharsets.UTF_8);
        if (!Arrays.equals(stream.read(greeting.length, GREETING_LIMIT), greeting)) {
            throw new HandoverException("another version of the protocol (expected: " + GREETING.strip() + ")");
        }
        turn.lockInterruptibly();
        try {
            if (given) {
                throw new HandoverException("another successor was faster (expected: one)");
            }
            given = giveOrResume(stream);
            if (!given) {
                return;
            }
        } finally {
            turn.unlock();
        }
        giver.leave();
    }

    private boolean giveOrResume(Stream stream) {
        LOG.info("handover: a successor asks for the sockets");
        try {
            give(stream, giver.park());
            LOG.info("handover: the successor serves");
            return true;
        } catch (IOException | RuntimeException e) {
            LOG.warn("handover failed, this node goes on: {}", e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        giver.resume();
        return false;
    }

    private static void give(Stream stream, List<Sockets.Held> sockets) throws IOException, InterruptedException {
        byte[] list = sockets.stream()
                .map(socket -> socket.kind() + " " + text(socket) + "\n")
                .collect(Collectors.joining())
                .getBytes(StandardCharsets.UTF_8);
        stream.write(list.length);
        stream.write(list);
        expect(stream, 'F');
        for (Sockets.Held socket : sockets) {
            stream.writeDescriptor(socket.fd());
        }
        expect(stream, 'S');
    }

    private static String text(Sockets.Held socket) {
        String host = socket.address().getAddress().getHostAddress();
        return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":"
                + socket.address().getPort();
    }

    private static void expect(Stream stream, char wanted) throws IOException, InterruptedException {
        byte said = stream.read(1, SERVING_LIMIT)[0];
        if (said != wanted) {
            throw new HandoverException("message " + said + " (expected: " + (byte) wanted + ")");
        }
    }

    @Override
    public void close() {
        end(loop);
    }
}
