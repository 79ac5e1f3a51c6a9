package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Once the JIT has seen enough of it, a datagram of a session that lives on, and its answer, cost the heap of their lane nothing. */
@Tag("fresh-jvm")
@Timeout(120)
class UdpAllocationTest {
    private static final int ROUND = 500;
    private static final int MAX_ROUNDS = 400;

    @Test
    void a_datagram_and_its_answer_allocate_nothing() throws Exception {
        try (Lanes lanes = Lanes.open(Transport.EPOLL, 1);
                LoadBalancer lb = new LoadBalancer(lanes);
                UdpOrigin origin = new UdpOrigin("a")) {
            lb.apply(new LbConfig(List.of(new ListenerConfig(
                    "u",
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    Protocol.UDP,
                    Balance.ROUND_ROBIN,
                    List.of(origin.target())))));
            long lane = lanes.lane(0)
                    .submit(() -> Thread.currentThread().threadId())
                    .get();
            assertThat(leastBytes(lb.status().getFirst().bound(), lane))
                    .as("bytes of the best %d datagrams in a row", ROUND)
                    .isZero();
        }
    }

    /** What the thread allocated in the best of many rounds: the others paid for the JIT's warming up. */
    private static long leastBytes(InetSocketAddress to, long thread) throws IOException {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        ByteBuffer question = ByteBuffer.allocateDirect(100);
        ByteBuffer answer = ByteBuffer.allocateDirect(200);
        long least = Long.MAX_VALUE;
        try (DatagramChannel client = DatagramChannel.open()) {
            client.connect(to);
            for (int round = 0; round < MAX_ROUNDS && least > 0; round++) {
                long before = threads.getThreadAllocatedBytes(thread);
                for (int i = 0; i < ROUND; i++) {
                    client.write(question.rewind());
                    answer.clear();
                    assertThat(client.read(answer)).isEqualTo(102);
                }
                least = Math.min(least, threads.getThreadAllocatedBytes(thread) - before);
            }
        }
        return least;
    }
}
