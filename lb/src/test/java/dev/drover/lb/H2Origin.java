package dev.drover.lb;

import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A target of HTTP/2 without TLS that answers, or misbehaves, as a test wants; one virtual thread per connection. */
final class H2Origin implements AutoCloseable {
    /** A request as it came; {@code trailers} are empty when there were none. */
    record Request(int stream, Http2Headers head, String body, Http2Headers trailers) {
        String path() {
            return head.path().toString();
        }
    }

    /** Answers a whole request, at once or later. */
    interface Answer {
        void to(H2Wire peer, Request request) throws IOException;
    }

    /** Sees each frame before anything is made of it; true when it has dealt with it. */
    interface Watch {
        boolean takes(H2Wire peer, H2Wire.Frame frame) throws IOException;
    }

    private static final class Open {
        Http2Headers head = new DefaultHttp2Headers();
        Http2Headers trailers = new DefaultHttp2Headers();
        final StringBuilder body = new StringBuilder();
    }

    final Origin origin;
    final List<Request> requests = new CopyOnWriteArrayList<>();
    final List<H2Wire.Frame> resets = new CopyOnWriteArrayList<>();
    final List<H2Wire.Frame> goodbyes = new CopyOnWriteArrayList<>();
    /** Streams of one connection without an answer, at most. */
    final AtomicInteger most = new AtomicInteger();

    private final byte[] settings;
    private final Answer answer;
    private final Watch watch;

    H2Origin(Answer answer) {
        this(new byte[0], (peer, frame) -> false, answer);
    }

    /** @param settings payload of SETTINGS */
    H2Origin(byte[] settings, Watch watch, Answer answer) {
        this.settings = settings;
        this.answer = answer;
        this.watch = watch;
        origin = new Origin((socket, in, out) -> {
            try {
                serve(H2Wire.target(socket));
            } catch (Http2Exception e) {
                throw new IOException(e);
            }
        });
    }

    static byte[] setting(int id, int value) {
        return new byte[] {0, (byte) id, (byte) (value >> 24), (byte) (value >> 16), (byte) (value >> 8), (byte) value};
    }

    /** Status 200 with a body. */
    static void ok(H2Wire peer, int stream, String body) throws IOException {
        peer.headers(stream, false, ":status", "200", "x-origin", "h2").data(stream, true, body);
    }

    private void serve(H2Wire peer) throws IOException, Http2Exception {
        peer.send(H2Wire.SETTINGS, 0, 0, settings);
        Map<Integer, Open> open = new HashMap<>();
        int begun = 0;
        H2Wire.Frame frame;
        while ((frame = peer.frame()) != null) {
            int stream = frame.stream();
            Http2Headers fields = frame.type() == H2Wire.HEADERS ? peer.decode(frame) : null;
            if (watch.takes(peer, frame)) {
                continue;
            }
            switch (frame.type()) {
                case H2Wire.SETTINGS -> {
                    if ((frame.flags() & 1) == 0) {
                        peer.send(H2Wire.SETTINGS, 1, 0, new byte[0]);
                    }
                }
                case H2Wire.HEADERS -> {
                    Open before = open.get(stream);
                    if (before == null) {
                        Open next = new Open();
                        next.head = fields;
                        open.put(stream, next);
                        most.accumulateAndGet(++begun - peer.ended.get(), Math::max);
                    } else {
                        before.trailers = fields;
                    }
                }
                case H2Wire.DATA -> {
                    if (frame.payload().length > 0) {
                        peer.window(0, frame.payload().length);
                        peer.window(stream, frame.payload().length);
                    }
                    open.get(stream).body.append(new String(frame.payload(), StandardCharsets.ISO_8859_1));
                }
                case H2Wire.RST_STREAM -> {
                    resets.add(frame);
                    open.remove(stream);
                }
                case H2Wire.GOAWAY -> goodbyes.add(frame);
                default -> {}
            }
            if (frame.ends()) {
                Open done = open.remove(stream);
                Request request = new Request(stream, done.head, done.body.toString(), done.trailers);
                requests.add(request);
                answer.to(peer, request);
            }
        }
    }

    InetSocketAddress address() {
        return origin.address();
    }

    int connections() {
        return origin.connections.get();
    }

    @Override
    public void close() {
        origin.close();
    }
}
