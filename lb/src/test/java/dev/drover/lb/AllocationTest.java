package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import io.netty.util.ResourceLeakDetector;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Once the JIT has seen enough of it, a request over connections that live on costs the heap of its lane nothing. */
@Tag("fresh-jvm")
@Timeout(120)
class AllocationTest {
    private static final int ROUND = 500;
    private static final int MAX_ROUNDS = 800;
    private static final byte[] RESPONSE = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"
            .getBytes(StandardCharsets.US_ASCII);

    @Test
    void a_request_over_kept_connections_allocates_nothing() throws Exception {
        ResourceLeakDetector.Level level = ResourceLeakDetector.getLevel();
        // The detector keeps a stack for each buffer it watches; nodes run without it.
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.DISABLED);
        try (Lanes lanes = Lanes.open(Transport.EPOLL, 1);
                LoadBalancer lb = new LoadBalancer(lanes);
                Origin origin = new Origin((socket, in, out) -> {
                    while (Wire.readHead(in) != null) {
                        out.write(RESPONSE);
                    }
                })) {
            lb.apply(new LbConfig(List.of(new ListenerConfig(
                    "web",
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    Protocol.HTTP,
                    Balance.ROUND_ROBIN,
                    List.of(TargetConfig.active(origin.address()))))));
            long lane = lanes.lane(0)
                    .submit(() -> Thread.currentThread().threadId())
                    .get();
            assertThat(leastBytes(lb.status().getFirst().bound(), lane))
                    .as("bytes of the best %d requests in a row", ROUND)
                    .isZero();
        } finally {
            ResourceLeakDetector.setLevel(level);
        }
    }

    /** What the thread allocated in the best of many rounds: the others paid for the JIT's warming up. */
    private static long leastBytes(InetSocketAddress to, long thread) throws IOException {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        byte[] head = "GET /index.html?a=b HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"
                .getBytes(StandardCharsets.US_ASCII);
        ByteBuffer request = ByteBuffer.allocateDirect(head.length).put(head);
        ByteBuffer response = ByteBuffer.allocateDirect(RESPONSE.length);
        long least = Long.MAX_VALUE;
        try (SocketChannel client = SocketChannel.open(to)) {
            client.setOption(StandardSocketOptions.TCP_NODELAY, true);
            for (int round = 0; round < MAX_ROUNDS && least > 0; round++) {
                long before = threads.getThreadAllocatedBytes(thread);
                for (int i = 0; i < ROUND; i++) {
                    client.write(request.rewind());
                    response.clear();
                    while (response.hasRemaining()) {
                        assertThat(client.read(response)).isPositive();
                    }
                }
                least = Math.min(least, threads.getThreadAllocatedBytes(thread) - before);
            }
        }
        return least;
    }
}
