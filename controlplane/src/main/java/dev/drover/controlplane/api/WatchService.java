package dev.drover.controlplane.api;

import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.websocket.WebSocket;
import com.linecorp.armeria.common.websocket.WebSocketFrame;
import com.linecorp.armeria.common.websocket.WebSocketWriter;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.ServiceRequestContext;
import com.linecorp.armeria.server.websocket.WebSocketService;
import com.linecorp.armeria.server.websocket.WebSocketServiceHandler;
import dev.drover.controlplane.model.AccessToken;
import io.netty.util.AttributeKey;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;

/** {@code /v1/watch}: a WebSocket that only sends. Closed when the token that opened it ends. */
final class WatchService implements WebSocketServiceHandler {
    private static final AttributeKey<AccessToken> TOKEN = AttributeKey.valueOf(WatchService.class, "TOKEN");
    private static final int PING_SECONDS = 20;
    private static final int MAX_FRAME_BYTES = 1024;

    private final WatchHub hub;
    private final Authentication authentication;

    private WatchService(WatchHub hub, Authentication authentication) {
        this.hub = hub;
        this.authentication = authentication;
    }

    /** Origins are judged by {@link Authentication}: a bearer token may come from anywhere, a cookie may not. */
    static HttpService create(WatchHub hub, Authentication authentication) {
        WebSocketService service = WebSocketService.builder(new WatchService(hub, authentication))
                .allowedOrigins("*")
                .maxFramePayloadLength(MAX_FRAME_BYTES)
                .build();
        return service.decorate((delegate, context, request) -> authorized(delegate, context, request, authentication));
    }

    private static HttpResponse authorized(
            HttpService delegate, ServiceRequestContext context, HttpRequest request, Authentication authentication)
            throws Exception {
        context.setAttr(TOKEN, authentication.require(request.headers(), true));
        return delegate.serve(context, request);
    }

    @Override
    public WebSocket handle(ServiceRequestContext context, WebSocket in) {
        AccessToken token = Objects.requireNonNull(context.attr(TOKEN), "token");
        WebSocketWriter out = WebSocket.streaming();
        WatchClient client = new WatchClient(out, context::cancel);
        ScheduledFuture<?> pings = context.eventLoop()
                .scheduleAtFixedRate(
                        () -> {
                            if (authentication.stillGood(token)) {
                                client.ping();
                            } else {
                                client.unauthorized();
                            }
                        },
                        PING_SECONDS,
                        PING_SECONDS,
                        TimeUnit.SECONDS);
        out.whenComplete().handle((done, failure) -> {
            pings.cancel(false);
            hub.remove(client);
            return null;
        });
        in.subscribe(new Ignored(out));
        hub.add(client);
        return out;
    }

    /** Whatever the client says is dropped; when it leaves, so do we. */
    private record Ignored(WebSocketWriter out) implements Subscriber<WebSocketFrame> {
        @Override
        public void onSubscribe(Subscription subscription) {
            subscription.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(WebSocketFrame frame) {
            frame.close();
        }

        @Override
        public void onError(Throwable failure) {
            out.close();
        }

        @Override
        public void onComplete() {
            out.close();
        }
    }
}
