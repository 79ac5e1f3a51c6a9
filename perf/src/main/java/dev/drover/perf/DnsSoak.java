package dev.drover.perf;

import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import dev.drover.dns.DnsConfig;
import dev.drover.dns.DnsServer;
import dev.drover.dns.NameData;
import dev.drover.dns.Names;
import dev.drover.dns.ResolverConfig;
import dev.drover.dns.path.Limits;
import dev.drover.dns.path.ResponseRate;
import dev.drover.dns.resolve.CachePolicy;
import dev.drover.dns.resolve.Timing;
import dev.drover.dns.resolve.Upstream.Endpoint;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufAllocatorMetricProvider;
import io.netty.buffer.PooledByteBufAllocator;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * A DNS server of this process under full load on loopback, while its zone changes 100 times a second: names of ours, absent
 * ones, and names of an upstream that the cache cannot all keep.
 */
final class DnsSoak implements AutoCloseable {
    /** Names that change. */
    static final int NAMES = 200;

    private static final int CLIENTS = 2;
    private static final int SAMPLES = 20;
    private static final int WRONG_KEPT = 5;
    private static final long CACHE_BYTES = 1 << 20;
    private static final long CHANGE_NS = TimeUnit.MILLISECONDS.toNanos(10);
    /** What collects in buffers of sockets and pools. */
    private static final long GROWTH_BYTES = 24 << 20;
    /** Of all but the heap, which the launcher lets have its memory at the start: compiled code, stacks, native buffers. */
    private static final long RESIDENT_GROWTH_BYTES = 32 << 20;

    private static final Duration SETTLED = Duration.ofMinutes(3);

    private final Lanes lanes = Lanes.open(Transport.EPOLL, Runtime.getRuntime().availableProcessors());
    private final DnsServer server = new DnsServer(lanes);
    private final SoakUpstream upstream = new SoakUpstream();
    private final List<SoakClient> clients = new ArrayList<>();
    private final AtomicInteger applied = new AtomicInteger();
    private final AtomicInteger applying = new AtomicInteger();
    private final AtomicLong wrong = new AtomicLong();
    private final Queue<String> wrongKept = new ConcurrentLinkedQueue<>();
    private volatile boolean over;

    /**
     * Memory at one time, in bytes.
     *
     * @param live heap after a collection, and direct buffers in use
     * @param resident of the whole process, the load's part included
     */
    record Memory(long live, long resident) {}

    /**
     * What happened.
     *
     * @param lost queries without reply
     * @param gaveUp SERVFAIL for names of the upstream; a claim once the process has settled
     * @param overflows datagrams that the kernel threw away because the queue of a socket of server or clients was full
     * @param liveGrowth of {@link Memory#live}, from the second quarter to the last
     * @param residentGrowth of {@link Memory#resident}, the same
     */
    record Outcome(
            Duration length,
            long answered,
            long wrong,
            List<String> wrongOnes,
            long lost,
            long gaveUp,
            long overflows,
            long changes,
            long liveGrowth,
            long residentGrowth,
            long cacheBytes,
            long inFlight) {
        double perSecond() {
            return answered / (length.toMillis() / 1e3);
        }

        /** Claims that do not hold; none when all is well. */
        List<String> failures() {
            List<String> failures = new ArrayList<>();
            claim(failures, wrong == 0, "wrong replies: " + wrong + ", of these " + wrongOnes + " (expected: none)");
            claim(
                    failures,
                    lost <= overflows,
                    "lost queries: " + lost + " (expected: at most the " + overflows + " of full sockets)");
            claim(
                    failures,
                    length.compareTo(SETTLED) < 0 || gaveUp == 0,
                    "SERVFAIL for names of the upstream: " + gaveUp + " (expected: none)");
            claim(
                    failures,
                    liveGrowth < GROWTH_BYTES,
                    "live memory grew by " + megabytes(liveGrowth) + " (expected: less than " + megabytes(GROWTH_BYTES)
                            + ")");
            claim(
                    failures,
                    length.compareTo(SETTLED) < 0 || residentGrowth < RESIDENT_GROWTH_BYTES,
                    "resident memory grew by " + megabytes(residentGrowth) + " (expected: less than "
                            + megabytes(RESIDENT_GROWTH_BYTES) + ")");
            claim(
                    failures,
                    cacheBytes <= CACHE_BYTES,
                    "cache: " + cacheBytes + " bytes (expected: at most " + CACHE_BYTES + ")");
            claim(failures, inFlight == 0, "queries at upstreams at the end: " + inFlight + " (expected: none)");
            // A machine that is busy with something else may be slow, but a server that stands still shows.
            long leastChanges = length.toSeconds();
            claim(
                    failures,
                    changes >= leastChanges,
                    "changes: " + changes + " (expected: at least " + leastChanges + ")");
            return failures;
        }

        private static void claim(List<String> failures, boolean holds, String otherwise) {
            if (!holds) {
                failures.add(otherwise);
            }
        }
    }

    DnsSoak() throws IOException {
        apply(1);
        InetSocketAddress address = server.status().addresses().getFirst();
        for (int seed = 0; seed < CLIENTS; seed++) {
            clients.add(new SoakClient(address, seed, applied::get, applying::get, this::onWrong));
        }
    }

    private void onWrong(String what) {
        wrong.incrementAndGet();
        if (wrongKept.size() < WRONG_KEPT) {
            wrongKept.add(what);
        }
    }

    /** Runs once. */
    Outcome run(Duration length, Consumer<String> progress) throws InterruptedException, IOException {
        List<Memory> memory = new ArrayList<>();
        long endNs;
        try (ExecutorService threads =
                Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
            List<Future<?>> work = new ArrayList<>();
            work.add(threads.submit(this::changeTheZone));
            for (SoakClient client : clients) {
                work.add(threads.submit(() -> {
                    client.run(() -> over);
                    return null;
                }));
            }
            long startNs = System.nanoTime();
            try {
                sample(startNs, length, memory, progress);
            } finally {
                over = true;
            }
            endNs = System.nanoTime() - startNs;
            for (Future<?> done : work) {
                try {
                    done.get();
                } catch (ExecutionException e) {
                    throw new IllegalStateException("soak: " + e.getCause(), e);
                }
            }
        }
        return new Outcome(
                Duration.ofNanos(endNs),
                answered(),
                wrong.get(),
                List.copyOf(wrongKept),
                clients.stream().mapToLong(SoakClient::lost).sum(),
                clients.stream().mapToLong(SoakClient::gaveUp).sum(),
                overflows(),
                applied.get(),
                growth(memory, Memory::live),
                growth(memory, Memory::resident),
                server.status().cache().bytes(),
                server.status().forwardsInFlight());
    }

    private void sample(long startNs, Duration length, List<Memory> memory, Consumer<String> progress)
            throws IOException {
        long before = 0;
        for (int i = 1; i <= SAMPLES; i++) {
            long dueNs = startNs + length.toNanos() / SAMPLES * i;
            while (System.nanoTime() - dueNs < 0) {
                LockSupport.parkNanos(dueNs - System.nanoTime());
            }
            Memory now = memory();
            memory.add(now);
            long answered = answered();
            progress.accept(String.format(
                    Locale.ROOT,
                    "%6.0f s  %7.0f q/s  %d changes  %d wrong  live %s  resident %s",
                    (System.nanoTime() - startNs) / 1e9,
                    (answered - before) / (length.toMillis() / 1e3 / SAMPLES),
                    applied.get(),
                    wrong.get(),
                    megabytes(now.live),
                    megabytes(now.resident)));
            before = answered;
        }
    }

    private long answered() {
        return clients.stream().mapToLong(SoakClient::answered).sum();
    }

    private void changeTheZone() {
        long dueNs = System.nanoTime();
        for (int version = 2; !over; version++) {
            apply(version);
            dueNs += CHANGE_NS;
            LockSupport.parkNanos(dueNs - System.nanoTime());
        }
    }

    private void apply(int version) {
        applying.set(version);
        NameData data = NameData.of(List.of(address(SoakClient.addressOf(version))));
        Map<String, NameData> names = new HashMap<>();
        for (int i = 0; i < NAMES; i++) {
            names.put("name" + i + ".stack", data);
        }
        server.apply(new DnsConfig(
                List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)),
                DnsServers.ZONE,
                new Names(names, Map.of(), List.of(), List.of()),
                new ResolverConfig(
                        List.of(new Endpoint(upstream.address(), null)),
                        Map.of(),
                        List.of(),
                        new CachePolicy(CACHE_BYTES, 0, 3_600, 60, 60, true),
                        Timing.DEFAULT),
                new Limits(4_096, 4_096, 1_024, 64, 10_000),
                ResponseRate.Rule.NONE,
                null,
                5));
        applied.set(version);
    }

    private static InetAddress address(int bits) {
        try {
            return InetAddress.getByAddress(ByteBuffer.allocate(4).putInt(bits).array());
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e); // four bytes are an address
        }
    }

    private static Memory memory() throws IOException {
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        long heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            long residentKilobytes = lines.filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .sum();
            return new Memory(heap + directMemory(), residentKilobytes * 1024);
        }
    }

    /** In chunks of both allocators: replies come from the pooled one, what is received from Netty's default. */
    private static long directMemory() {
        long pooled = PooledByteBufAllocator.DEFAULT.metric().usedDirectMemory();
        return ByteBufAllocator.DEFAULT instanceof ByteBufAllocatorMetricProvider other
                ? pooled + other.metric().usedDirectMemory()
                : pooled;
    }

    private interface Part {
        long of(Memory memory);
    }

    /** The middle sample of the last quarter less that of the second. */
    private static long growth(List<Memory> memory, Part part) {
        int quarter = memory.size() / 4;
        return middle(memory.subList(3 * quarter, memory.size()), part)
                - middle(memory.subList(quarter, 2 * quarter), part);
    }

    private static long middle(List<Memory> memory, Part part) {
        return memory.stream().mapToLong(part::of).sorted().toArray()[memory.size() / 2];
    }

    /** The last column of {@code /proc/net/udp} for all sockets of server and clients. */
    private long overflows() throws IOException {
        List<Integer> ports =
                new ArrayList<>(clients.stream().map(SoakClient::port).toList());
        ports.add(server.status().addresses().getFirst().getPort());
        long drops = 0;
        for (String table : List.of("/proc/self/net/udp", "/proc/self/net/udp6")) {
            for (String line : Files.readAllLines(Path.of(table))) {
                String[] fields = line.strip().split("\\s+");
                int colon = fields[1].lastIndexOf(':');
                if (colon > 0 && ports.contains(Integer.parseInt(fields[1].substring(colon + 1), 16))) {
                    drops += Long.parseLong(fields[fields.length - 1]);
                }
            }
        }
        return drops;
    }

    static String megabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f MB", bytes / 1e6);
    }

    @Override
    public void close() {
        clients.forEach(SoakClient::close);
        server.close();
        lanes.close();
        upstream.close();
    }
}
