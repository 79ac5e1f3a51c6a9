package dev.drover.dns.path;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Snapshot;
import dev.drover.dataplane.Transport;
import dev.drover.dataplane.UdpSocket;
import dev.drover.dns.resolve.AnswerCache;
import dev.drover.dns.resolve.CachePolicy;
import dev.drover.dns.resolve.Forwarding;
import dev.drover.dns.resolve.Learned;
import dev.drover.dns.resolve.LoopProbes;
import dev.drover.dns.resolve.Upstream;
import dev.drover.dns.resolve.UpstreamSet;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.util.ResourceLeakDetector;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;

/** From the socket that brings a usual query to the one that takes its reply nothing is left for the garbage collector. */
@Timeout(120)
class AllocationTest {
    /** Makes 1,000 queries 50,000 a second. */
    private static final long ROUND_MS = 20;

    private static final int BATCHES = 20;
    private static final int BATCH = 50;
    private static final int REPLY_BYTES = 1_500;
    private static final int QUIET_ROUNDS = 20;
    private static final long WARMUP_NS = TimeUnit.SECONDS.toNanos(60);

    private final ResourceLeakDetector.Level level = ResourceLeakDetector.getLevel();

    /** It makes a stack trace for one buffer in 128. */
    @BeforeEach
    void withoutLeakDetector() {
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.DISABLED);
    }

    @AfterEach
    void withLeakDetector() {
        ResourceLeakDetector.setLevel(level);
    }

    @ParameterizedTest
    @CsvSource({
        "web1.stack.rancher.internal., false, 0",
        "web1.stack.rancher.internal., true, 0",
        "web1.stack.rancher.internal., true, 65535",
        "absent.stack.rancher.internal., true, 0",
        "www.example.com., false, 0",
        "www.example.com., true, 0",
    })
    void aUsualQueryLeavesNoGarbage(String name, boolean edns, int repliesPerSecond) throws Exception {
        Message message = Message.newQuery(Record.newRecord(Name.fromString(name), 1, DClass.IN));
        if (edns) {
            message.addRecord(new OPTRecord(1_232, 0, 0, 0), Section.ADDITIONAL);
        }
        byte[] query = message.toWire();
        InetSocketAddress any = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0);
        try (Lanes lanes = Lanes.open(Transport.EPOLL, 1);
                UdpSocket socket = lanes.sockets().bind(any, 1 << 20);
                DatagramChannel client = DatagramChannel.open().bind(any)) {
            UdpLoop loop = new UdpLoop(lanes, lane(lanes, repliesPerSecond), socket);
            loop.start();
            client.connect(new InetSocketAddress(any.getAddress(), socket.port()));
            Thread laneThread = lanes.lane(0).submit(Thread::currentThread).get();
            int quiet = quietRounds(laneThread.threadId(), client, query, repliesPerSecond > 0);
            loop.close();
            assertThat(quiet).isEqualTo(QUIET_ROUNDS);
        }
    }

    private static QueryLane lane(Lanes lanes, int repliesPerSecond) throws Exception {
        return new QueryLane(
                lanes,
                0,
                new Snapshot<>(serving(repliesPerSecond)),
                Counters.of(1),
                new Quota(),
                new Quota(),
                new LoopProbes(),
                new DefaultChannelGroup(GlobalEventExecutor.INSTANCE),
                fault -> {});
    }

    /**
     * Rounds in which the lane left no garbage, one after the other, as many as asked for; fewer when time is over.
     *
     * @param slowly below the highest rate that may be set
     */
    private static int quietRounds(long laneThread, DatagramChannel client, byte[] query, boolean slowly)
            throws Exception {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        ByteBuffer sent = ByteBuffer.allocateDirect(query.length).put(query);
        ByteBuffer received = ByteBuffer.allocateDirect(REPLY_BYTES);
        long endNs = System.nanoTime() + WARMUP_NS;
        int quiet = 0;
        while (quiet < QUIET_ROUNDS && System.nanoTime() - endNs < 0) {
            long before = threads.getThreadAllocatedBytes(laneThread);
            for (int i = 0; i < BATCHES; i++) {
                for (int j = 0; j < BATCH; j++) {
                    client.write(sent.flip());
                }
                for (int j = 0; j < BATCH; j++) {
                    client.read(received.clear());
                }
            }
            if (slowly) {
                Thread.sleep(ROUND_MS);
            }
            quiet = threads.getThreadAllocatedBytes(laneThread) == before ? quiet + 1 : 0;
        }
        return quiet;
    }

    private static Serving serving(int repliesPerSecond) throws Exception {
        ZoneBuilder zone = new ZoneBuilder("rancher.internal", 5);
        zone.add("web1.stack", ZoneBuilder.Data.of(List.of(InetAddress.ofLiteral("10.42.0.1"))));
        Serving alone = Serving.of(zone.build(List.of(InetAddress.ofLiteral("169.254.169.250")), 7));
        Upstream upstream = new Upstream(new Upstream.Endpoint(new InetSocketAddress("192.0.2.53", 53), null), null);
        AnswerCache cache = new AnswerCache(CachePolicy.DEFAULT);
        Message reply = new Message(7);
        reply.getHeader().setFlag(Flags.QR);
        Name name = Name.fromConstantString("www.example.com.");
        reply.addRecord(Record.newRecord(name, 1, DClass.IN), Section.QUESTION);
        reply.addRecord(new ARecord(name, DClass.IN, 86_400, InetAddress.ofLiteral("192.0.2.80")), Section.ANSWER);
        Learned.put(cache, reply, System.nanoTime());
        return new Serving(
                alone.zone(),
                new Forwarding(new UpstreamSet(List.of(upstream)), Map.of()),
                cache,
                alone.timing(),
                alone.limits(),
                new ResponseRate(new ResponseRate.Rule(repliesPerSecond, 2, 24, 56)),
                alone.tap());
    }
}
