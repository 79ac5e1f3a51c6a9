package dev.drover.dns.path;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Snapshot;
import dev.drover.dataplane.Transport;
import dev.drover.dns.resolve.AnswerCache;
import dev.drover.dns.resolve.CachePolicy;
import dev.drover.dns.resolve.Forwarding;
import dev.drover.dns.resolve.Learned;
import dev.drover.dns.resolve.LoopProbes;
import dev.drover.dns.resolve.Upstream;
import dev.drover.dns.resolve.UpstreamSet;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.util.ResourceLeakDetector;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
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

/** From the bytes of a usual query to those of its reply nothing is left for the garbage collector. */
@Timeout(60)
class AllocationTest {
    private static final InetAddress CLIENT = InetAddress.ofLiteral("10.42.7.3");
    private static final int QUERIES = 1_000;
    private static final int QUIET_ROUNDS = 20;
    private static final long WARMUP_NS = TimeUnit.SECONDS.toNanos(30);

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
        "web1.stack.rancher.internal., false",
        "web1.stack.rancher.internal., true",
        "absent.stack.rancher.internal., true",
        "www.example.com., false",
        "www.example.com., true",
    })
    void aUsualQueryLeavesNoGarbage(String name, boolean edns) throws Exception {
        Message message = Message.newQuery(Record.newRecord(Name.fromString(name), 1, DClass.IN));
        if (edns) {
            message.addRecord(new OPTRecord(1_232, 0, 0, 0), Section.ADDITIONAL);
        }
        ByteBuf query = Unpooled.directBuffer().writeBytes(message.toWire());
        try (Lanes lanes = Lanes.open(Transport.EPOLL, 1)) {
            QueryLane lane = new QueryLane(
                    lanes,
                    0,
                    new Snapshot<>(serving()),
                    Counters.of(1),
                    new Quota(),
                    new Quota(),
                    new LoopProbes(),
                    new DefaultChannelGroup(GlobalEventExecutor.INSTANCE),
                    fault -> {});
            int quiet = lanes.lane(0).submit(() -> quietRounds(lane, query)).get();
            assertThat(quiet).isEqualTo(QUIET_ROUNDS);
        } finally {
            query.release();
        }
    }

    /** Rounds without garbage one after the other, as many as asked for; fewer when time is over. */
    private static int quietRounds(QueryLane lane, ByteBuf query) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long endNs = System.nanoTime() + WARMUP_NS;
        int quiet = 0;
        while (quiet < QUIET_ROUNDS && System.nanoTime() - endNs < 0) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < QUERIES; i++) {
                ByteBuf reply = lane.onUsual(query, Via.UDP, CLIENT);
                if (reply == null) {
                    throw new IllegalStateException("not answered");
                }
                reply.release();
            }
            quiet = threads.getCurrentThreadAllocatedBytes() == before ? quiet + 1 : 0;
        }
        return quiet;
    }

    private static Serving serving() throws Exception {
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
                alone.rate(),
                alone.tap());
    }
}
