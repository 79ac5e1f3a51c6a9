package dev.drover.lab;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.concurrent.atomic.AtomicInteger;

/** Copies bytes between two connected sockets, both ways, on two virtual threads, until both directions have ended. */
final class Pipe implements Closeable {
    private static final int BUFFER_BYTES = 16 * 1024;

    private final SocketChannel left;
    private final SocketChannel right;
    private final Runnable onEnd;
    private final AtomicInteger open = new AtomicInteger(2);

    private Pipe(SocketChannel left, SocketChannel right, Runnable onEnd) {
        this.left = left;
        this.right = right;
        this.onEnd = onEnd;
    }

    /** Takes both sockets over; {@code onEnd} runs once when both are closed. */
    static Pipe between(SocketChannel left, SocketChannel right, Runnable onEnd) {
        Pipe pipe = new Pipe(left, right, onEnd);
        Thread.ofVirtual().start(() -> pipe.copy(left, right));
        Thread.ofVirtual().start(() -> pipe.copy(right, left));
        return pipe;
    }

    private void copy(SocketChannel from, SocketChannel to) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
        try {
            while (from.read(buffer) >= 0) {
                buffer.flip();
                while (buffer.hasRemaining()) {
                    to.write(buffer);
                }
                buffer.clear();
            }
            to.shutdownOutput();
        } catch (IOException e) {
            // One side broke: what is on its way to the other has no meaning any more.
            close();
        }
        if (open.decrementAndGet() == 0) {
            close();
            onEnd.run();
        }
    }

    /** Breaks the connection at once. */
    @Override
    public void close() {
        closeQuietly(left);
        closeQuietly(right);
    }

    static void closeQuietly(Closeable closeable) {
        try {
            closeable.close();
        } catch (IOException e) {
            // Closing is all that was wanted; a socket that fails to close is closed all the same.
        }
    }
}
