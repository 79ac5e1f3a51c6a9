package dev.drover.dns;

import static dev.drover.dns.DnsFixture.client;
import static dev.drover.dns.DnsFixture.config;
import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Transport;
import dev.drover.dns.resolve.CachePolicy;
import io.netty.buffer.PooledByteBufAllocator;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/**
 * Clients that ask as fast as they get replies, for names of ours, absent names and forwarded names, while the zone changes
 * 100 times a second: every query is answered, every answer was true at some time between question and reply, and memory
 * does not grow. {@code -Ddrover.soak.seconds=600} makes it long.
 */
@Timeout(value = 30, unit = TimeUnit.MINUTES)
final class SoakTest {
    private static final int SECONDS = Integer.getInteger("drover.soak.seconds", 20);
    private static final int CLIENTS = 4;
    private static final int NAMES = 200;
    private static final int FOREIGN = 20_000;
    private static final long CHANGE_NS = TimeUnit.MILLISECONDS.toNanos(10);
    private static final int REPLY_MS = 4_000;
    /** Answers kept, one megabyte, and what collects in buffers of the channels. */
    private static final long GROWTH_BYTES = 24 << 20;

    private final DnsFixture fixture = new DnsFixture(Transport.EPOLL);
    private final DnsServer server = fixture.server();
    /** Version of the zone that was applied last, and the one that is being applied: the address of every name. */
    private final AtomicInteger applied = new AtomicInteger();

    private final AtomicInteger applying = new AtomicInteger();
    private final AtomicLong answered = new AtomicLong();
    private volatile boolean over;
    private FakeUpstream upstream;

    @AfterEach
    void stop() throws IOException {
        fixture.close();
    }

    private void apply(int version) {
        applying.set(version);
        DnsFixture.Config config =
                config().forward(upstream.address()).cache(new CachePolicy(1 << 20, 0, 3_600, 60, 60, true));
        for (int i = 0; i < NAMES; i++) {
            config.record("name" + i + ".stack", address(version));
        }
        server.apply(config.build());
        applied.set(version);
    }

    private static String address(int version) {
        return "10." + (version >> 16 & 0xff) + "." + (version >> 8 & 0xff) + "." + (version & 0xff);
    }

    /** What a foreign name has for address. */
    private static InetAddress address(Name name) {
        int number = Integer.parseInt(name.getLabelString(0).substring(1));
        return InetAddress.ofLiteral("172.16." + (number >> 8) + "." + (number & 0xff));
    }

    @Test
    void everyAnswerIsTrueAndNothingGrows() throws Exception {
        upstream = fixture.own(new FakeUpstream((query, tcp) -> {
            Message reply = FakeUpstream.reply(query, Rcode.NOERROR);
            Name name = reply.getQuestion().getName();
            if (name.toString().startsWith("f") || name.toString().startsWith("F")) {
                reply.addRecord(new ARecord(name, DClass.IN, 5, address(name)), Section.ANSWER);
            }
            return List.of(reply.toWire());
        }));
        apply(1);
        upstream.forget();
        try (ExecutorService threads =
                Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
            List<Future<?>> work = new ArrayList<>();
            work.add(threads.submit(this::changeTheZone));
            for (int i = 0; i < CLIENTS; i++) {
                int seed = i;
                work.add(threads.submit(() -> ask(seed)));
            }
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(SECONDS) / 2);
            long before = memory();
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(SECONDS) / 2);
            long after = memory();
            over = true;
            for (Future<?> done : work) {
                done.get();
            }
            assertThat(after - before).as("growth of memory").isLessThan(GROWTH_BYTES);
        } finally {
            over = true;
        }
        assertThat(answered.get()).isGreaterThan(SECONDS * 100L);
        assertThat(applied.get()).isGreaterThan(SECONDS * 20);
        assertThat(server.status().forwardsInFlight()).isZero();
        assertThat(server.status().cache().bytes()).isLessThanOrEqualTo(1 << 20);
    }

    private static long memory() {
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        long heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
        return heap + PooledByteBufAllocator.DEFAULT.metric().usedDirectMemory();
    }

    private void changeTheZone() {
        long next = System.nanoTime();
        for (int version = 2; !over; version++) {
            apply(version);
            next += CHANGE_NS;
            LockSupport.parkNanos(next - System.nanoTime());
        }
    }

    private Void ask(int seed) throws IOException {
        Random random = new Random(seed);
        InetSocketAddress address = client(server).server();
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.setSoTimeout(REPLY_MS);
            socket.connect(address);
            DatagramPacket packet = new DatagramPacket(new byte[2_048], 2_048);
            while (!over) {
                int kind = random.nextInt(10);
                String name = kind < 6
                        ? "name" + random.nextInt(NAMES) + ".stack.rancher.internal."
                        : kind < 8
                                ? "absent" + random.nextInt() + ".stack.rancher.internal."
                                : "f" + random.nextInt(FOREIGN) + ".example.com.";
                Message query = Message.newQuery(Record.newRecord(Name.fromString(name), Type.A, DClass.IN));
                byte[] wire = query.toWire();
                int least = applied.get();
                socket.send(new DatagramPacket(wire, wire.length));
                packet.setLength(2_048);
                try {
                    socket.receive(packet);
                } catch (SocketTimeoutException e) {
                    throw new AssertionError("no reply to " + name, e);
                }
                int most = applying.get();
                Message reply = DnsClient.parse(Arrays.copyOf(packet.getData(), packet.getLength()));
                assertThat(reply.getHeader().getID())
                        .isEqualTo(query.getHeader().getID());
                check(reply, kind, least, most);
                answered.incrementAndGet();
            }
        }
        return null;
    }

    private static void check(Message reply, int kind, int least, int most) {
        if (kind >= 6 && kind < 8) {
            assertThat(reply.getRcode()).isEqualTo(Rcode.NXDOMAIN);
            return;
        }
        assertThat(reply.getRcode()).as(reply.getQuestion().toString()).isEqualTo(Rcode.NOERROR);
        InetAddress got = ((ARecord) reply.getSection(Section.ANSWER).getFirst()).getAddress();
        if (kind >= 8) {
            assertThat(got).isEqualTo(address(reply.getQuestion().getName()));
        } else {
            byte[] bytes = got.getAddress();
            int version = (bytes[1] & 0xff) << 16 | (bytes[2] & 0xff) << 8 | bytes[3] & 0xff;
            assertThat(version).isBetween(least, most);
        }
    }
}
