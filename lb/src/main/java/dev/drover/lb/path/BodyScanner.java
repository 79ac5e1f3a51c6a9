package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.Arrays;

/**
 * Finds the end of a message body (RFC 9112 sections 6 and 7) and passes its bytes on as they are, without copying.
 * Chunked framing is checked byte by byte and forwarded with the data; chunk extensions are cut out and trailers are
 * filtered, since neither means anything beyond this connection. Reused from message to message by one thread.
 */
final class BodyScanner {
    private static final int MAX_TRAILER_BYTES = 8 * 1024;
    private static final int MAX_EXTENSION_BYTES = 4 * 1024;
    private static final int MAX_SIZE_DIGITS = 15;
    private static final byte[] LAST_CHUNK = Ascii.bytes("0\r\n");
    private static final byte[] CRLF = Ascii.bytes("\r\n");

    /** Takes the pieces of a body, in order. */
    interface Sink {
        /** Takes over {@code piece}. */
        void onBody(ByteBuf piece);

        /** Trailers of a chunked body whose framing is not wanted, valid during the call; there is at least one. */
        default void onTrailers(Fields trailers) {}
    }

    /** Result of {@link #scan}. */
    enum Result {
        MORE,
        END,
        MALFORMED
    }

    private enum State {
        LENGTH,
        UNTIL_CLOSE,
        SIZE,
        EXTENSION,
        EXTENSION_QUOTED,
        EXTENSION_ESCAPED,
        SIZE_LF,
        DATA,
        DATA_CR,
        DATA_LF,
        TRAILER,
        END,
        MALFORMED
    }

    private final Fields fields;
    private State state = State.END;
    private long remaining;
    private int digits;
    private int extensionBytes;
    private long bodyBytes;
    private boolean bare;
    /** The size line under way cannot be passed as it stands. */
    private boolean rewrite;

    private byte[] trailer = new byte[0];
    private int trailerBytes;

    /** @param fields for trailers, used within one call of {@link #scan}: many scanners of one thread may share them */
    BodyScanner(Fields fields) {
        this.fields = fields;
    }

    /** A body of that many bytes, 0 for none. */
    void length(long bytes) {
        remaining = bytes;
        bodyBytes = 0;
        state = bytes == 0 ? State.END : State.LENGTH;
    }

    /** A response body that ends with its connection. */
    void untilClose() {
        remaining = 0;
        bodyBytes = 0;
        state = State.UNTIL_CLOSE;
    }

    /** @param unframed pass the data on without its chunk framing, for a receiver that knows no chunks */
    void chunked(boolean unframed) {
        bare = unframed;
        bodyBytes = 0;
        startSize();
        extensionBytes = 0;
        trailerBytes = 0;
    }

    boolean ended() {
        return state == State.END;
    }

    boolean endsWithConnection() {
        return state == State.UNTIL_CLOSE;
    }

    /** Data bytes of this body so far, framing aside; of a chunk as soon as its size is known. */
    long bodyBytes() {
        return bodyBytes;
    }

    /** When all of {@code in} is body, takes note of it and returns true: the buffer can be passed on as it is. */
    boolean takesWhole(ByteBuf in) {
        int length = in.readableBytes();
        if (state == State.UNTIL_CLOSE) {
            bodyBytes += length;
            return true;
        }
        if (state != State.LENGTH || length > remaining) {
            return false;
        }
        bodyBytes += length;
        remaining -= length;
        if (remaining == 0) {
            state = State.END;
        }
        return true;
    }

    /** Reads from {@code in} up to the end of the body; what belongs to the body goes to {@code sink}. */
    Result scan(ByteBuf in, Sink sink) {
        if (state == State.LENGTH || state == State.UNTIL_CLOSE) {
            int take = (int) (state == State.LENGTH ? Math.min(remaining, in.readableBytes()) : in.readableBytes());
            if (take > 0) {
                bodyBytes += take;
                sink.onBody(in.readRetainedSlice(take));
            }
            if (state == State.LENGTH && (remaining -= take) == 0) {
                state = State.END;
            }
        } else {
            chunks(in, sink);
        }
        return switch (state) {
            case END -> Result.END;
            case MALFORMED -> Result.MALFORMED;
            default -> Result.MORE;
        };
    }

    /**
     * Walks over the chunks; bytes from {@code from} on are good
     * to pass. A size line is passed as it stands together with its data, but written anew when it had an extension or
     * came in pieces; that of the last chunk is always written anew, behind the trailers were checked.
     */
    private void chunks(ByteBuf in, Sink sink) {
        int from = in.readerIndex();
        int sizeStart = from;
        int at = from;
        int end = in.writerIndex();
        while (at < end && state != State.TRAILER && state != State.MALFORMED) {
            if (state == State.DATA) {
                int take = (int) Math.min(remaining, end - at);
                remaining -= take;
                at += take;
                if (remaining == 0) {
                    state = State.DATA_CR;
                    if (bare) {
                        pass(in, from, at, sink);
                    }
                }
                continue;
            }
            byte b = in.getByte(at++);
            switch (state) {
                case SIZE -> {
                    size(b);
                    if (state == State.EXTENSION && !rewrite) {
                        passFramed(in, from, sizeStart, sink);
                        rewrite = true;
                    }
                }
                case EXTENSION, EXTENSION_QUOTED, EXTENSION_ESCAPED -> extension(b);
                case SIZE_LF -> {
                    if (b != '\n') {
                        state = State.MALFORMED;
                    } else if (remaining == 0) {
                        state = State.TRAILER;
                        if (!rewrite) {
                            passFramed(in, from, sizeStart, sink);
                        }
                    } else {
                        state = State.DATA;
                        bodyBytes += remaining;
                        if (bare || rewrite) {
                            from = at;
                        }
                        if (rewrite && !bare) {
                            sink.onBody(sizeLine());
                        }
                    }
                }
                case DATA_CR -> state = b == '\r' ? State.DATA_LF : State.MALFORMED;
                case DATA_LF -> {
                    startSize();
                    sizeStart = at;
                    if (b != '\n') {
                        state = State.MALFORMED;
                    }
                }
                default -> throw new AssertionError(state);
            }
        }
        in.readerIndex(at);
        switch (state) {
            case MALFORMED -> {}
            case TRAILER -> trailer(in, sink);
            case DATA -> pass(in, from, end, sink);
            case DATA_CR, DATA_LF -> passFramed(in, from, end, sink);
            default -> {
                if (!rewrite) {
                    passFramed(in, from, sizeStart, sink);
                    rewrite = state != State.SIZE || digits > 0;
                }
            }
        }
    }

    private void startSize() {
        state = State.SIZE;
        remaining = 0;
        digits = 0;
        rewrite = false;
    }

    private void size(byte b) {
        int digit = Ascii.hex(b);
        if (digit >= 0 && digits < MAX_SIZE_DIGITS) {
            remaining = remaining << 4 | digit;
            digits++;
        } else if (digits > 0 && b == ';') {
            state = State.EXTENSION;
        } else if (digits > 0 && b == '\r') {
            state = State.SIZE_LF;
        } else {
            state = State.MALFORMED;
        }
    }

    private ByteBuf sizeLine() {
        return Unpooled.wrappedBuffer(Ascii.bytes(Long.toHexString(remaining) + "\r\n"));
    }

    private void passFramed(ByteBuf in, int from, int to, Sink sink) {
        if (!bare) {
            pass(in, from, to, sink);
        }
    }

    private static void pass(ByteBuf in, int from, int to, Sink sink) {
        if (to > from) {
            sink.onBody(in.retainedSlice(from, to - from));
        }
    }

    /** RFC 9112 section 7.1.1; quoted strings are followed so that no CR LF hides in one. */
    private void extension(byte b) {
        if (++extensionBytes > MAX_EXTENSION_BYTES) {
            state = State.MALFORMED;
        } else if (!Ascii.value(b)) {
            if (b == '\r' && state == State.EXTENSION) {
                state = State.SIZE_LF;
            } else {
                state = State.MALFORMED;
            }
        } else if (state == State.EXTENSION_ESCAPED) {
            state = State.EXTENSION_QUOTED;
        } else if (state == State.EXTENSION_QUOTED) {
            state = b == '"' ? State.EXTENSION : b == '\\' ? State.EXTENSION_ESCAPED : State.EXTENSION_QUOTED;
        } else if (b == '"') {
            state = State.EXTENSION_QUOTED;
        }
    }

    /** Gathers the trailer section to its empty line, then writes the end of the body. */
    private void trailer(ByteBuf in, Sink sink) {
        while (in.isReadable()) {
            if (trailerBytes == MAX_TRAILER_BYTES) {
                state = State.MALFORMED;
                return;
            }
            if (trailerBytes == trailer.length) {
                trailer = Arrays.copyOf(trailer, Math.max(64, trailer.length * 2));
            }
            trailer[trailerBytes++] = in.readByte();
            if (trailer[trailerBytes - 1] == '\n' && emptyLine()) {
                end(sink);
                return;
            }
        }
    }

    private boolean emptyLine() {
        int n = trailerBytes;
        return n <= 2 || trailer[n - 2] == '\n' || trailer[n - 2] == '\r' && trailer[n - 3] == '\n';
    }

    private void end(Sink sink) {
        if (trailerBytes < 2 || fields.parse(trailer, 0, trailerBytes) != Fields.Result.OK) {
            state = State.MALFORMED;
            return;
        }
        state = State.END;
        if (!bare) {
            sink.onBody(fields.count() == 0 ? Unpooled.wrappedBuffer(LAST_CHUNK, CRLF) : fields.lastChunk());
        } else if (fields.count() > 0) {
            sink.onTrailers(fields);
        }
    }
}
