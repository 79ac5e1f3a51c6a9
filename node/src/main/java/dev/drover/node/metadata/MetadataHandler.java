package dev.drover.node.metadata;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.handler.timeout.IdleStateEvent;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One connection: one request at a time, the next is looked at when its answer is out. */
final class MetadataHandler extends SimpleChannelInboundHandler<FullHttpRequest> {
    private static final Logger LOG = LoggerFactory.getLogger(MetadataHandler.class);
    /** For a container to become known that has just got its address. */
    private static final long UNKNOWN_WAIT_MS = 2_000;

    private static final int MAX_PIPELINED = 8;

    private final Answers answers;
    private final Waiting waiting;
    private final RequestCounter counter;
    private final Deque<FullHttpRequest> pipelined = new ArrayDeque<>();
    private @Nullable Pending pending;
    /** From a request until its answer is out. */
    private boolean busy;

    MetadataHandler(Answers answers, Waiting waiting, RequestCounter counter) {
        this.answers = answers;
        this.waiting = waiting;
        this.counter = counter;
    }

    /** A request that waits for another answer than there is. */
    private final class Pending implements Runnable {
        private final ChannelHandlerContext context;
        private final InetAddress client;
        private final MetadataRequest request;
        private final Future<?> deadline;

        Pending(ChannelHandlerContext context, InetAddress client, MetadataRequest request) {
            this.context = context;
            this.client = client;
            this.request = request;
            deadline = context.executor()
                    .schedule(
                            () -> look(true),
                            request.old() == null ? UNKNOWN_WAIT_MS : request.maxWaitMs(),
                            TimeUnit.MILLISECONDS);
            waiting.add(this);
        }

        @Override
        public void run() {
            look(false);
        }

        private void look(boolean last) {
            Answers.Reply reply = answers.answer(client, request, last || waiting.drained());
            if (reply != null) {
                end();
                respond(context, reply);
            }
        }

        void end() {
            pending = null;
            waiting.remove(this);
            deadline.cancel(false);
        }
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
        if (!busy) {
            busy = true;
            ask(context, request);
        } else if (pipelined.size() < MAX_PIPELINED) {
            pipelined.add(request.retain());
        } else {
            context.close();
        }
    }

    private void ask(ChannelHandlerContext context, FullHttpRequest request) {
        Format format = Format.of(request.headers().get(HttpHeaderNames.ACCEPT));
        if (request.decoderResult().isFailure()) {
            refuse(context, undecodable(request.decoderResult().cause()), format);
            return;
        }
        if (!request.method().equals(HttpMethod.GET) && !request.method().equals(HttpMethod.HEAD)) {
            respond(context, Answers.refusal(405, request.method() + " (expected: GET or HEAD)", format));
            return;
        }
        MetadataRequest asked;
        try {
            asked = MetadataRequest.parse(request.uri(), request.headers().get(HttpHeaderNames.ACCEPT));
        } catch (MetadataRequest.RefusedException e) {
            respond(context, Answers.refusal(e.status(), String.valueOf(e.getMessage()), format));
            return;
        }
        InetAddress client = ((InetSocketAddress) context.channel().remoteAddress()).getAddress();
        Answers.Reply reply = answers.answer(client, asked, waiting.drained());
        if (reply == null) {
            pending = new Pending(context, client, asked);
        } else {
            respond(context, reply);
        }
    }

    private static HttpResponseStatus undecodable(Throwable cause) {
        return switch (cause) {
            case TooLongHttpLineException _ -> HttpResponseStatus.REQUEST_URI_TOO_LONG;
            case TooLongHttpHeaderException _ -> HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE;
            default -> HttpResponseStatus.BAD_REQUEST;
        };
    }

    /** For a connection that cannot go on: where the next request begins is not known. */
    private void refuse(ChannelHandlerContext context, HttpResponseStatus status, Format format) {
        DefaultFullHttpResponse response =
                response(Answers.refusal(status.code(), "request: " + status.reasonPhrase(), format));
        response.headers().set(HttpHeaderNames.CONNECTION, "close");
        context.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
    }

    private void respond(ChannelHandlerContext context, Answers.Reply reply) {
        DefaultFullHttpResponse response = response(reply);
        if (waiting.drained()) {
            HttpUtil.setKeepAlive(response, false);
        }
        if (reply.status() == HttpResponseStatus.METHOD_NOT_ALLOWED.code()) {
            response.headers().set(HttpHeaderNames.ALLOW, "GET, HEAD");
        }
        context.writeAndFlush(response).addListener(written -> {
            if (written.isSuccess()) {
                onAnswered(context);
            }
        });
    }

    private void onAnswered(ChannelHandlerContext context) {
        FullHttpRequest next = pipelined.poll();
        if (next == null) {
            busy = false;
            return;
        }
        try {
            ask(context, next);
        } finally {
            next.release();
        }
    }

    private DefaultFullHttpResponse response(Answers.Reply reply) {
        counter.count(reply.status());
        DefaultFullHttpResponse response = new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(reply.status()), Unpooled.wrappedBuffer(reply.body()));
        response.headers().set(HttpHeaderNames.CONTENT_TYPE, reply.format().contentType());
        HttpUtil.setContentLength(response, reply.body().length);
        return response;
    }

    /** Nothing was sent or received for a while. */
    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof IdleStateEvent && !busy) {
            context.close();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        if (pending != null) {
            pending.end();
        }
        pipelined.forEach(FullHttpRequest::release);
        pipelined.clear();
    }

    /** A client that goes away is no news. */
    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        if (!(cause instanceof IOException)) {
            LOG.warn("metadata request failed client={}", context.channel().remoteAddress(), cause);
        }
        context.close();
    }
}
