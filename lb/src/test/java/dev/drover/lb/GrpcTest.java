package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** gRPC from end to end, with the server and the client that services use. */
class GrpcTest extends Harness {
    private static final Metadata.Key<String> ASKED = Metadata.Key.of("x-asked", Metadata.ASCII_STRING_MARSHALLER);
    private static final Metadata.Key<String> SUM = Metadata.Key.of("x-sum", Metadata.ASCII_STRING_MARSHALLER);
    private static final int CHUNK_BYTES = 1_000_000;

    /** Messages are bytes: what they mean is nothing to a load balancer. */
    private static final MethodDescriptor.Marshaller<byte[]> BYTES = new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(byte[] value) {
            return new ByteArrayInputStream(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
            try {
                return stream.readAllBytes();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    };

    private static final MethodDescriptor<byte[], byte[]> UNARY = method("Unary", MethodDescriptor.MethodType.UNARY);
    private static final MethodDescriptor<byte[], byte[]> HANG = method("Hang", MethodDescriptor.MethodType.UNARY);
    private static final MethodDescriptor<byte[], byte[]> FAIL = method("Fail", MethodDescriptor.MethodType.UNARY);
    private static final MethodDescriptor<byte[], byte[]> MISSING =
            method("Missing", MethodDescriptor.MethodType.UNARY);
    private static final MethodDescriptor<byte[], byte[]> COUNT =
            method("Count", MethodDescriptor.MethodType.SERVER_STREAMING);
    private static final MethodDescriptor<byte[], byte[]> FLOOD =
            method("Flood", MethodDescriptor.MethodType.SERVER_STREAMING);
    private static final MethodDescriptor<byte[], byte[]> CHAT =
            method("Chat", MethodDescriptor.MethodType.BIDI_STREAMING);

    @TempDir
    Path directory;

    private final CountDownLatch hanging = new CountDownLatch(1);
    private final CountDownLatch cancelled = new CountDownLatch(1);
    private final AtomicLong flooded = new AtomicLong();
    private final AtomicInteger calls = new AtomicInteger();

    @Override
    LbSettings settings() {
        return LbSettings.DEFAULTS.withDrainTimeout(Duration.ofSeconds(3));
    }

    private static MethodDescriptor<byte[], byte[]> method(String name, MethodDescriptor.MethodType type) {
        return MethodDescriptor.newBuilder(BYTES, BYTES)
                .setType(type)
                .setFullMethodName("test.Echo/" + name)
                .build();
    }

    private ServerServiceDefinition service(String name) {
        return ServerServiceDefinition.builder("test.Echo")
                .addMethod(UNARY, unary(name))
                .addMethod(HANG, ServerCalls.asyncUnaryCall((request, response) -> {
                    Context.current().addListener(context -> cancelled.countDown(), Runnable::run);
                    hanging.countDown();
                }))
                .addMethod(
                        FAIL,
                        ServerCalls.asyncUnaryCall((request, response) -> response.onError(Status.FAILED_PRECONDITION
                                .withDescription("not so")
                                .asRuntimeException())))
                .addMethod(COUNT, ServerCalls.asyncServerStreamingCall((request, response) -> {
                    for (int i = 0; i < Integer.parseInt(text(request)); i++) {
                        response.onNext(bytes("message " + i));
                    }
                    response.onCompleted();
                }))
                .addMethod(FLOOD, ServerCalls.asyncServerStreamingCall(this::flood))
                .addMethod(CHAT, ServerCalls.asyncBidiStreamingCall(GrpcTest::chat))
                .build();
    }

    /** Answers with its name and the message; tells in the trailers what the head asked. */
    private ServerCallHandler<byte[], byte[]> unary(String name) {
        return (call, headers) -> {
            calls.incrementAndGet();
            call.request(2);
            return new ServerCall.Listener<>() {
                @Override
                public void onMessage(byte[] message) {
                    call.sendHeaders(new Metadata());
                    call.sendMessage(bytes(name + text(message)));
                }

                @Override
                public void onHalfClose() {
                    Metadata trailers = new Metadata();
                    String asked = headers.get(ASKED);
                    if (asked != null) {
                        trailers.put(SUM, "sum of " + asked);
                    }
                    call.close(Status.OK, trailers);
                }
            };
        };
    }

    /** Sends as much as it is let, up to what was asked for. */
    private void flood(byte[] request, StreamObserver<byte[]> to) {
        ServerCallStreamObserver<byte[]> response = (ServerCallStreamObserver<byte[]>) to;
        long wanted = Long.parseLong(text(request));
        response.setOnReadyHandler(() -> {
            while (response.isReady() && flooded.get() < wanted) {
                response.onNext(new byte[CHUNK_BYTES]);
                if (flooded.addAndGet(CHUNK_BYTES) >= wanted) {
                    response.onCompleted();
                }
            }
        });
    }

    private static StreamObserver<byte[]> chat(StreamObserver<byte[]> to) {
        return new StreamObserver<>() {
            @Override
            public void onNext(byte[] message) {
                to.onNext(bytes("you said " + text(message)));
            }

            @Override
            public void onError(Throwable t) {
                to.onError(t);
            }

            @Override
            public void onCompleted() {
                to.onCompleted();
            }
        };
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private static NettyServerBuilder builder() {
        return NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    }

    private Server start(ServerBuilder<?> builder, String name) throws IOException {
        Server server = builder.addService(service(name)).build().start();
        closing(() -> server.shutdownNow().awaitTermination());
        return server;
    }

    private PoolConfig pool(Server... servers) {
        List<TargetConfig> targets = new ArrayList<>();
        for (Server server : servers) {
            targets.add(TargetConfig.active(loopback(server.getPort())));
        }
        return PoolConfig.of("p", Balance.ROUND_ROBIN, targets).withTargetProtocol(TargetProtocol.HTTP_2);
    }

    private void serve(PoolConfig pool) {
        serve(new ListenerConfig("web", loopback(0), Protocol.HTTP, List.of(RouteConfig.everything(pool)))
                .withEntry(EntryConfig.PLAIN.withH2c(true)));
    }

    private ManagedChannel channel() {
        ManagedChannel channel =
                NettyChannelBuilder.forAddress(bound("web")).usePlaintext().build();
        closing(() -> channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS));
        return channel;
    }

    private static String call(ManagedChannel channel, MethodDescriptor<byte[], byte[]> method, String message) {
        return text(ClientCalls.blockingUnaryCall(channel, method, CallOptions.DEFAULT, bytes(message)));
    }

    @Test
    void a_call_goes_there_and_back_with_its_metadata() throws Exception {
        serve(pool(start(builder(), "one: ")));
        ManagedChannel channel = channel();
        for (int i = 0; i < 200; i++) {
            assertThat(call(channel, UNARY, "message " + i)).isEqualTo("one: message " + i);
        }
        Metadata asked = new Metadata();
        asked.put(ASKED, "1 and 2");
        BlockingQueue<Metadata> trailers = new LinkedBlockingQueue<>();
        ClientCall<byte[], byte[]> call = channel.newCall(UNARY, CallOptions.DEFAULT);
        call.start(
                new ClientCall.Listener<>() {
                    @Override
                    public void onClose(Status status, Metadata behind) {
                        assertThat(status.getCode()).isEqualTo(Status.Code.OK);
                        trailers.add(behind);
                    }
                },
                asked);
        call.request(2);
        call.sendMessage(bytes(""));
        call.halfClose();
        assertThat(trailers.take().get(SUM)).isEqualTo("sum of 1 and 2");
        await().until(() -> outcome("RELAYED") == 201);
        assertThat(event("UPSTREAM_HTTP2"))
                .as("one connection of the client's lane")
                .isEqualTo(1);
    }

    @Test
    void what_went_wrong_is_told_in_the_head() throws Exception {
        serve(pool(start(builder(), "one")));
        ManagedChannel channel = channel();
        assertThatThrownBy(() -> call(channel, FAIL, "")).isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
            assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
            assertThat(e.getStatus().getDescription()).isEqualTo("not so");
        });
        assertThatThrownBy(() -> call(channel, MISSING, ""))
                .isInstanceOfSatisfying(
                        StatusRuntimeException.class,
                        e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNIMPLEMENTED));
        serve(pool());
        assertThatThrownBy(() -> call(channel, UNARY, ""))
                .isInstanceOfSatisfying(
                        StatusRuntimeException.class,
                        e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE));
    }

    @Test
    void streams_go_in_both_directions() throws Exception {
        serve(pool(start(builder(), "one")));
        ManagedChannel channel = channel();
        int[] messages = {0};
        ClientCalls.blockingServerStreamingCall(channel, COUNT, CallOptions.DEFAULT, bytes("2000"))
                .forEachRemaining(message -> assertThat(text(message)).isEqualTo("message " + messages[0]++));
        assertThat(messages[0]).isEqualTo(2_000);
        BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        StreamObserver<byte[]> chat =
                ClientCalls.asyncBidiStreamingCall(channel.newCall(CHAT, CallOptions.DEFAULT), new StreamObserver<>() {
                    @Override
                    public void onNext(byte[] message) {
                        heard.add(text(message));
                    }

                    @Override
                    public void onError(Throwable t) {
                        heard.add(String.valueOf(t));
                    }

                    @Override
                    public void onCompleted() {
                        heard.add("end");
                    }
                });
        for (int i = 0; i < 100; i++) {
            chat.onNext(bytes("hello " + i));
            assertThat(heard.take()).isEqualTo("you said hello " + i);
        }
        chat.onCompleted();
        assertThat(heard.take()).isEqualTo("end");
    }

    @Test
    void a_client_that_cancels_reaches_the_server() throws Exception {
        serve(pool(start(builder(), "one")));
        ClientCall<byte[], byte[]> call = channel().newCall(HANG, CallOptions.DEFAULT);
        ClientCalls.asyncUnaryCall(call, bytes(""), new Ignoring());
        hanging.await();
        call.cancel("enough", null);
        cancelled.await();
        await().until(() -> outcome("CLIENT_ABORT") == 1);
    }

    @Test
    void a_deadline_is_the_client_s_and_reaches_the_server() throws Exception {
        serve(pool(start(builder(), "one")));
        ManagedChannel channel = channel();
        // The way there is open: the time is the call's alone.
        assertThat(call(channel, UNARY, "")).isEqualTo("one");
        CallOptions soon = CallOptions.DEFAULT.withDeadlineAfter(300, TimeUnit.MILLISECONDS);
        assertThatThrownBy(() -> ClientCalls.blockingUnaryCall(channel, HANG, soon, bytes("")))
                .isInstanceOfSatisfying(
                        StatusRuntimeException.class,
                        e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED));
        cancelled.await();
    }

    /** Nobody listens. */
    private static final class Ignoring implements StreamObserver<byte[]> {
        @Override
        public void onNext(byte[] message) {}

        @Override
        public void onError(Throwable t) {}

        @Override
        public void onCompleted() {}
    }

    @Test
    void a_slow_reader_of_big_messages_stops_the_server() throws Exception {
        serve(pool(start(builder(), "one")));
        long wanted = 40L * CHUNK_BYTES;
        ClientCall<byte[], byte[]> call = channel().newCall(FLOOD, CallOptions.DEFAULT);
        AtomicLong received = new AtomicLong();
        BlockingQueue<Status> ended = new LinkedBlockingQueue<>();
        call.start(
                new ClientCall.Listener<>() {
                    @Override
                    public void onMessage(byte[] message) {
                        received.addAndGet(message.length);
                    }

                    @Override
                    public void onClose(Status status, Metadata trailers) {
                        ended.add(status);
                    }
                },
                new Metadata());
        call.sendMessage(bytes(String.valueOf(wanted)));
        call.halfClose();
        call.request(1);
        await().until(() -> received.get() == CHUNK_BYTES);
        long[] before = {-1};
        await().pollInterval(Duration.ofMillis(300)).until(() -> {
            boolean still = before[0] == flooded.get();
            before[0] = flooded.get();
            return still;
        });
        assertThat(flooded.get())
                .as("bytes on the way to a client that does not read")
                .isLessThan(16L * CHUNK_BYTES);
        call.request(1_000);
        assertThat(ended.take().getCode()).isEqualTo(Status.Code.OK);
        assertThat(received.get()).isEqualTo(wanted);
    }

    @Test
    void a_server_that_shuts_down_in_order_costs_no_call() throws Exception {
        Server leaving = start(builder(), "leaving");
        Server staying = start(builder(), "staying");
        serve(pool(leaving, staying));
        ManagedChannel channel = channel();
        List<Thread> callers = new ArrayList<>();
        AtomicInteger failed = new AtomicInteger();
        AtomicInteger done = new AtomicInteger();
        for (int i = 0; i < 4; i++) {
            callers.add(Thread.ofVirtual().start(() -> {
                while (done.get() < 500) {
                    try {
                        call(channel, UNARY, "");
                    } catch (StatusRuntimeException e) {
                        failed.incrementAndGet();
                    }
                    done.incrementAndGet();
                }
            }));
        }
        await().until(() -> done.get() > 100);
        leaving.shutdown();
        for (Thread caller : callers) {
            caller.join();
        }
        assertThat(failed.get()).isZero();
        assertThat(outcome("RELAYED")).isEqualTo(done.get());
    }

    @Test
    void each_call_of_a_connection_is_balanced_on_its_own() throws Exception {
        serve(pool(start(builder(), "a"), start(builder(), "b")));
        ManagedChannel channel = channel();
        List<String> answers = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            answers.add(call(channel, UNARY, ""));
        }
        assertThat(answers).filteredOn("a"::equals).hasSize(5);
    }

    @Test
    void with_tls_http_2_is_agreed_on_by_alpn() throws Exception {
        TestCertificate certificate = TestCertificate.create(directory, "grpc", "grpc.example");
        TlsConfig.Certificate files = certificate.files();
        Server server = start(
                builder()
                        .sslContext(GrpcSslContexts.forServer(
                                        files.certificate().toFile(),
                                        files.key().toFile())
                                .build()),
                "tls");
        serve(pool(server).withTargetTls(TargetTlsConfig.ca(files.certificate(), "grpc.example")));
        assertThat(call(channel(), UNARY, "")).isEqualTo("tls");
        assertThat(event("UPSTREAM_HTTP2")).isEqualTo(1);
    }

    @Test
    void checks_ask_the_health_service() throws Exception {
        AtomicInteger verdict = new AtomicInteger(1);
        MethodDescriptor<byte[], byte[]> check = MethodDescriptor.newBuilder(BYTES, BYTES)
                .setType(MethodDescriptor.MethodType.UNARY)
                .setFullMethodName("grpc.health.v1.Health/Check")
                .build();
        ServerServiceDefinition health = ServerServiceDefinition.builder("grpc.health.v1.Health")
                .addMethod(check, ServerCalls.asyncUnaryCall((request, response) -> {
                    response.onNext(new byte[] {8, (byte) verdict.get()});
                    response.onCompleted();
                }))
                .build();
        Server server = start(builder().addService(health), "one");
        HealthCheckConfig config = new HealthCheckConfig(
                HealthCheckConfig.Type.GRPC,
                0,
                "/",
                null,
                Duration.ofMillis(50),
                Duration.ofSeconds(2),
                1,
                1,
                200,
                399,
                0);
        serve(pool(server).withHealth(config, false));
        await().until(() -> health() == TargetStatus.Health.HEALTHY);
        verdict.set(2);
        await().until(() -> health() == TargetStatus.Health.UNHEALTHY);
    }

    private TargetStatus.Health health() {
        return lb.status().getFirst().targets().getFirst().health();
    }
}
