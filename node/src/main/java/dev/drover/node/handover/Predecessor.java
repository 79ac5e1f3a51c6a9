package dev.drover.node.handover;

import dev.drover.dataplane.Sockets;
import dev.drover.node.mapping.Tables;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The running node, as its successor sees it. Used by one thread, but for {@link #isAlive}. */
public final class Predecessor implements AutoCloseable {
    private static final Duration ANSWER_LIMIT = Duration.ofSeconds(30);
    private static final int MAX_LIST_BYTES = 1 << 20;

    private final EventLoopGroup loop;
    private final Stream stream;

    private Predecessor(EventLoopGroup loop, Stream stream) {
        this.loop = loop;
        this.stream = stream;
    }

    /**
     * Connects to the node that listens at {@code path}; null when there is none. It goes on as before.
     *
     * @throws HandoverException when the process there is another user's
     */
    public static @Nullable Predecessor find(Path path) throws IOException {
        EventLoopGroup loop = Offer.loop();
        Stream stream = Stream.connect(loop, path);
        if (stream == null) {
            Offer.end(loop);
            return null;
        }
        Predecessor found = new Predecessor(loop, stream);
        try {
            stream.checkPeer();
            return found;
        } catch (IOException e) {
            found.close();
            throw e;
        }
    }

    /**
     * Asks for its sockets. When this returns it does nothing any more but accept and answer; when it throws, or when this
     * is closed before {@link #relieve}, it takes its work up again.
     */
    public List<Sockets.Held> takeSockets() throws IOException, InterruptedException {
        stream.write(Offer.GREETING);
        int length = stream.readInt(ANSWER_LIMIT);
        if (length < 0 || length > MAX_LIST_BYTES) {
            throw new HandoverException("list of " + length + " bytes (expected: at most " + MAX_LIST_BYTES + ")");
        }
        String list = new String(stream.read(length, ANSWER_LIMIT), StandardCharsets.UTF_8);
        stream.expectDescriptors();
        stream.write("F");
        List<Sockets.Held> sockets = new ArrayList<>();
        for (String line : list.lines().toList()) {
            sockets.add(socket(line, stream.readDescriptor(ANSWER_LIMIT)));
        }
        return sockets;
    }

    private static Sockets.Held socket(String line, int fd) throws HandoverException {
        String[] words = line.split(" ", 2);
        try {
            return new Sockets.Held(Sockets.Kind.valueOf(words[0]), Tables.socketAddress(words[words.length - 1]), fd);
        } catch (IllegalArgumentException e) {
            HandoverException error = new HandoverException(line + " (expected: KIND ADDRESS:PORT)");
            error.initCause(e);
            throw error;
        }
    }

    /** We serve: it lets what it has end, and exits. */
    public void relieve() throws IOException {
        stream.write("S");
    }

    /** Whether it still may have requests of its own. */
    public boolean isAlive() {
        return stream.isOpen();
    }

    @Override
    public void close() {
        stream.close();
        Offer.end(loop);
    }
}
