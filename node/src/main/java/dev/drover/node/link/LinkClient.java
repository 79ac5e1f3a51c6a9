package dev.drover.node.link;

import dev.drover.controlplane.link.Down;
import dev.drover.controlplane.link.LinkCodec;
import dev.drover.controlplane.link.Up;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the connection to the control plane: says hello, hands its messages to a {@link Handler}, sends what the {@link
 * Outbox} holds, one message at a time, and connects again, for ever, when the connection is lost or has gone silent.
 */
public final class LinkClient implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LinkClient.class);
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
    private static final long SEND_TIMEOUT_MS = 30_000;
    private static final long PING_INTERVAL_MS = 5_000;
    private static final long SILENCE_LIMIT_MS = 20_000;
    private static final long FIRST_BACK_OFF_MS = 200;
    private static final long LONGEST_BACK_OFF_MS = 5_000;
    private static final long REFUSED_BACK_OFF_MS = 30_000;
    private static final int MAX_MESSAGE_CHARS = 64 * 1024 * 1024;

    /** Called on threads of the connection; must not block. */
    public interface Handler {
        /** The first message of a new connection. */
        Up.Hello hello();

        /** The control plane has accepted us. */
        void onWelcome(Down.Welcome welcome);

        void onDesired(Down.Desired desired);

        void onSendFull();

        /** The connection is gone. */
        void onLost();
    }

    private final URI link;
    private final String origin;
    private final String hostKey;
    private final HttpClient client;
    private final Outbox outbox;
    private final Handler handler;
    private final Thread thread;
    private volatile boolean closed;

    /**
     * @param server {@code https://host:port}
     * @param pin SHA-256 of the server's SubjectPublicKeyInfo, base64url
     * @param hostKey bearer secret of this host
     */
    public LinkClient(URI server, String pin, String hostKey, Outbox outbox, Handler handler) {
        link = URI.create("wss://" + server.getRawAuthority() + "/v1/link");
        origin = "https://" + server.getRawAuthority();
        this.hostKey = hostKey;
        this.outbox = outbox;
        this.handler = handler;
        client = Joiner.client(pin);
        thread = Thread.ofPlatform().daemon().name("link").unstarted(this::run);
    }

    public void start() {
        thread.start();
    }

    private void run() {
        long backOffMs = FIRST_BACK_OFF_MS;
        String reported = "";
        while (!closed) {
            Connection connection = new Connection();
            long pauseMs;
            try {
                connection.open();
                connection.serve();
                throw new LinkException("link: closed by the server", false, null);
            } catch (LinkException e) {
                if (connection.welcomed) {
                    backOffMs = FIRST_BACK_OFF_MS;
                    reported = "";
                }
                String message = String.valueOf(e.getMessage());
                if (!closed && !message.equals(reported)) {
                    LOG.warn("control plane lost: {}", message);
                    reported = message;
                }
                pauseMs = e.isFinal() ? REFUSED_BACK_OFF_MS : backOffMs;
            } catch (InterruptedException e) {
                return; // only close() interrupts
            } finally {
                connection.abort();
            }
            try {
                Thread.sleep(pauseMs / 2 + ThreadLocalRandom.current().nextLong(pauseMs / 2 + 1));
            } catch (InterruptedException e) {
                return; // only close() interrupts
            }
            backOffMs = Math.min(backOffMs * 2, LONGEST_BACK_OFF_MS);
        }
    }

    /** One WebSocket from its handshake to its end. */
    private final class Connection implements WebSocket.Listener {
        private final StringBuilder partial = new StringBuilder();
        private volatile @Nullable WebSocket socket;
        private volatile @Nullable String ended;
        private volatile long heardNs = System.nanoTime();
        private volatile boolean welcomed;

        void open() throws InterruptedException {
            try {
                socket = client.newWebSocketBuilder()
                        .connectTimeout(CONNECT_TIMEOUT)
                        .header("Authorization", "Bearer " + hostKey)
                        .header("Origin", origin)
                        .buildAsync(link, this)
                        .get(CONNECT_TIMEOUT.toMillis() * 2, TimeUnit.MILLISECONDS);
            } catch (ExecutionException e) {
                throw refusal(e.getCause() == null ? e : e.getCause());
            } catch (TimeoutException e) {
                throw Joiner.failure(link, e);
            }
        }

        private LinkException refusal(Throwable cause) {
            if (cause instanceof WebSocketHandshakeException handshake) {
                int status = handshake.getResponse().statusCode();
                return status == 401 || status == 403 || status == 404
                        ? new LinkException(
                                "server: " + origin + " does not know this host any more, HTTP status " + status
                                        + " (expected: a joined host; to join again stop the node, remove its state"
                                        + " directory and start it with a new token)",
                                true,
                                cause)
                        : new LinkException("server: " + origin + " answered HTTP status " + status, false, cause);
            }
            return Joiner.failure(URI.create(origin), cause);
        }

        void serve() throws InterruptedException {
            send(handler.hello());
            while (ended == null) {
                Up message = outbox.next(PING_INTERVAL_MS);
                if (message != null) {
                    send(message);
                } else {
                    await(socket().sendPing(ByteBuffer.allocate(0)));
                }
                long silentMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - heardNs);
                if (silentMs > SILENCE_LIMIT_MS) {
                    throw new LinkException("link: nothing heard for " + silentMs + " ms", false, null);
                }
            }
            throw new LinkException("link: " + ended, false, null);
        }

        private void send(Up message) throws InterruptedException {
            await(socket().sendText(LinkCodec.encode(message), true));
        }

        private WebSocket socket() {
            WebSocket open = socket;
            if (open == null) {
                throw new IllegalStateException("not open");
            }
            return open;
        }

        private void await(CompletableFuture<WebSocket> sent) throws InterruptedException {
            try {
                sent.get(SEND_TIMEOUT_MS, TimeUnit.MILLISECONDS);
            } catch (ExecutionException e) {
                throw new LinkException("link: " + (ended == null ? "send failed" : ended), false, e);
            } catch (TimeoutException e) {
                throw new LinkException("link: send took longer than " + SEND_TIMEOUT_MS + " ms", false, e);
            }
        }

        void abort() {
            WebSocket open = socket;
            if (open != null) {
                open.abort();
            }
            if (welcomed) {
                handler.onLost();
            }
        }

        @Override
        public @Nullable CompletionStage<?> onText(WebSocket webSocket, CharSequence data, boolean last) {
            heardNs = System.nanoTime();
            partial.append(data);
            if (partial.length() > MAX_MESSAGE_CHARS) {
                end("message longer than " + MAX_MESSAGE_CHARS + " characters");
                return null;
            }
            if (last) {
                String text = partial.toString();
                partial.setLength(0);
                receive(text);
            }
            webSocket.request(1);
            return null;
        }

        private void receive(String text) {
            try {
                switch (LinkCodec.decode(text, Down.class)) {
                    case Down.Welcome welcome -> {
                        welcomed = true;
                        LOG.info("control plane connected server={} version={}", origin, welcome.serverVersion());
                        handler.onWelcome(welcome);
                    }
                    case Down.Desired desired -> handler.onDesired(desired);
                    case Down.SendFull _ -> handler.onSendFull();
                }
            } catch (IllegalArgumentException e) {
                LOG.warn("message from the control plane ignored: {}", e.getMessage());
            }
        }

        @Override
        public @Nullable CompletionStage<?> onPong(WebSocket webSocket, ByteBuffer message) {
            heardNs = System.nanoTime();
            webSocket.request(1);
            return null;
        }

        @Override
        public @Nullable CompletionStage<?> onPing(WebSocket webSocket, ByteBuffer message) {
            heardNs = System.nanoTime();
            webSocket.request(1);
            return null;
        }

        @Override
        public @Nullable CompletionStage<?> onClose(WebSocket webSocket, int statusCode, String reason) {
            end("closed by the server, status " + statusCode + (reason.isEmpty() ? "" : " " + reason));
            return null;
        }

        @Override
        public void onError(WebSocket webSocket, Throwable error) {
            end(String.valueOf(error.getMessage()));
        }

        private void end(String why) {
            ended = why;
            WebSocket open = socket;
            if (open != null) {
                open.abort();
            }
            outbox.wake();
        }
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        client.shutdownNow();
    }
}
