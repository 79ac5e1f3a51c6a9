package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import org.jspecify.annotations.Nullable;

/** Bytes read from a connection and not yet taken, and how far the end of a head was looked for in them. */
final class Inbox {
    private @Nullable ByteBuf bytes;
    private int looked;

    /** Takes over {@code more}. */
    void add(ByteBufAllocator allocator, ByteBuf more) {
        if (bytes == null) {
            bytes = more;
            looked = 0;
            return;
        }
        if (bytes.refCnt() != 1 || bytes.isReadOnly() || bytes.writableBytes() < more.readableBytes()) {
            // Grows by half at least, so that a head sent in single bytes is not copied as often.
            int length = bytes.readableBytes() + more.readableBytes();
            ByteBuf grown = allocator.directBuffer(Math.max(512, length + length / 2));
            grown.writeBytes(bytes);
            bytes.release();
            bytes = grown;
        }
        bytes.writeBytes(more);
        more.release();
    }

    boolean isEmpty() {
        return bytes == null;
    }

    int length() {
        return bytes == null ? 0 : bytes.readableBytes();
    }

    /** First byte; the inbox must not be empty. */
    byte peek() {
        ByteBuf in = present();
        return in.getByte(in.readerIndex());
    }

    /** The bytes, for reading in place; call {@link #trim} afterwards. */
    ByteBuf present() {
        if (bytes == null) {
            throw new IllegalStateException("inbox: empty (expected: bytes)");
        }
        return bytes;
    }

    /** Gives all bytes away. */
    ByteBuf take() {
        ByteBuf all = present();
        bytes = null;
        return all;
    }

    /** Gives the buffer back when all of it was read. */
    void trim() {
        looked = 0;
        if (bytes != null && !bytes.isReadable()) {
            clear();
        }
    }

    void clear() {
        if (bytes != null) {
            bytes.release();
            bytes = null;
        }
    }

    /**
     * Length of the head at the front, its empty line included, or -1 when that has not come yet. Each byte is looked
     * at once. A bare LF counts as the end of a line here, so that the parser sees it, and refuses it, at once.
     */
    int headLength() {
        ByteBuf in = present();
        int start = in.readerIndex();
        int end = in.writerIndex();
        int from = start + looked;
        while (true) {
            int lf = in.indexOf(from, end, (byte) '\n');
            if (lf < 0) {
                looked = end - start;
                return -1;
            }
            if (lf + 1 < end && in.getByte(lf + 1) == '\n') {
                return lf + 2 - start;
            }
            if (lf + 2 < end && in.getByte(lf + 1) == '\r' && in.getByte(lf + 2) == '\n') {
                return lf + 3 - start;
            }
            if (lf + 2 >= end) {
                looked = lf - start;
                return -1;
            }
            from = lf + 1;
        }
    }

    /** Copies the first {@code length} bytes to {@code target} and drops them here. */
    void read(byte[] target, int length) {
        present().readBytes(target, 0, length);
        trim();
    }
}
