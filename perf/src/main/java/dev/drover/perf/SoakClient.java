package dev.drover.perf;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.IntSupplier;

/**
 * Keeps a window of queries at a server and holds each reply to what was true between its question and now. Six in ten ask
 * for names whose address is the version of the zone, two for names that do not exist, two for names of the upstream. Used
 * by one thread.
 */
final class SoakClient implements AutoCloseable {
    private static final int WINDOW = 100;
    private static final int FOREIGN = 20_000;
    private static final int WAIT_MS = 100;
    /** The server gives up before it, and tells. */
    private static final long LOST_NS = TimeUnit.SECONDS.toNanos(6);

    private static final int EXPIRE_EVERY = 4_096;
    private static final int NXDOMAIN = 3;
    /** 10.0.0.0: versions of the zone are counted from there. */
    private static final int FIRST_VERSION = 0x0a00_0000;

    private final DatagramSocket socket = new DatagramSocket();
    private final Random random;
    private final IntSupplier applied;
    private final IntSupplier applying;
    private final Consumer<String> wrong;
    private final Slot[] slots = new Slot[WINDOW];
    private final AtomicLong answered = new AtomicLong();
    private long lost;

    /** One query at a time, with a number that no late reply to a former one has. */
    private static final class Slot {
        int generation;
        boolean waits;
        Kind kind = Kind.ABSENT;
        int foreign;
        int leastVersion;
        long sentNs;
    }

    private enum Kind {
        OURS,
        ABSENT,
        FOREIGN
    }

    /**
     * @param applied version of the zone that every answer has at least, when asked now
     * @param applying version that an answer may have by now
     * @param wrong is told of each wrong reply
     */
    SoakClient(InetSocketAddress server, int seed, IntSupplier applied, IntSupplier applying, Consumer<String> wrong)
            throws IOException {
        this.random = new Random(seed);
        this.applied = applied;
        this.applying = applying;
        this.wrong = wrong;
        for (int i = 0; i < WINDOW; i++) {
            slots[i] = new Slot();
        }
        socket.setReceiveBufferSize(4 << 20);
        socket.setSoTimeout(WAIT_MS);
        socket.connect(server);
    }

    static String name(int i) {
        return "name" + i + ".stack." + DnsServers.ZONE;
    }

    static int addressOf(int version) {
        return FIRST_VERSION | version;
    }

    int port() {
        return socket.getLocalPort();
    }

    /** Replies so far; any thread. */
    long answered() {
        return answered.get();
    }

    /** Queries without reply; when it has ended. */
    long lost() {
        return lost;
    }

    /** Asks until {@code over}, then waits for what is still owed. */
    void run(BooleanSupplier over) throws IOException {
        DatagramPacket reply = new DatagramPacket(new byte[DnsMessage.BUFFER_BYTES], DnsMessage.BUFFER_BYTES);
        for (int i = 0; i < WINDOW; i++) {
            ask(i);
        }
        int owed = WINDOW;
        int sinceExpiry = 0;
        while (owed > 0) {
            int slot = receive(reply);
            if (slot >= 0) {
                slots[slot].waits = false;
                answered.incrementAndGet();
                owed--;
                if (!over.getAsBoolean()) {
                    ask(slot);
                    owed++;
                }
            }
            if (slot < 0 || ++sinceExpiry == EXPIRE_EVERY) {
                sinceExpiry = 0;
                owed -= expire(over.getAsBoolean());
            }
        }
    }

    private void ask(int index) throws IOException {
        Slot slot = slots[index];
        int pick = random.nextInt(10);
        slot.kind = pick < 6 ? Kind.OURS : pick < 8 ? Kind.ABSENT : Kind.FOREIGN;
        slot.foreign = random.nextInt(FOREIGN);
        String name = switch (slot.kind) {
            case OURS -> name(random.nextInt(DnsSoak.NAMES));
            case ABSENT -> "absent" + random.nextInt(1 << 20) + ".stack." + DnsServers.ZONE;
            case FOREIGN -> SoakUpstream.name(slot.foreign);
        };
        slot.generation = slot.generation + 1 & 0xff;
        slot.waits = true;
        slot.leastVersion = applied.getAsInt();
        slot.sentNs = System.nanoTime();
        byte[] query = DnsMessage.question(slot.generation << 8 | index, name);
        socket.send(new DatagramPacket(query, query.length));
    }

    /** The slot whose reply came, -1 for none. */
    private int receive(DatagramPacket reply) throws IOException {
        try {
            reply.setLength(DnsMessage.BUFFER_BYTES);
            socket.receive(reply);
        } catch (SocketTimeoutException e) {
            return -1;
        }
        int id = DnsMessage.id(reply.getData());
        int index = id & 0xff;
        if (index >= WINDOW || !slots[index].waits || slots[index].generation != id >> 8) {
            wrong.accept("a reply nobody waits for, id " + id);
            return -1;
        }
        check(slots[index], reply.getData(), reply.getLength());
        return index;
    }

    private void check(Slot slot, byte[] reply, int length) {
        int rcode = DnsMessage.rcode(reply);
        if (slot.kind == Kind.ABSENT) {
            if (rcode != NXDOMAIN) {
                wrong.accept("rcode " + rcode + " for a name that does not exist");
            }
            return;
        }
        if (rcode != 0 || DnsMessage.answers(reply) != 1) {
            wrong.accept(
                    "rcode " + rcode + " and " + DnsMessage.answers(reply) + " answers for a name with one address");
            return;
        }
        int address = DnsMessage.lastAddress(reply, length);
        if (slot.kind == Kind.FOREIGN) {
            if (address != SoakUpstream.addressOf(slot.foreign)) {
                wrong.accept("address " + Integer.toHexString(address) + " for " + SoakUpstream.name(slot.foreign));
            }
            return;
        }
        int version = address - FIRST_VERSION;
        if (version < slot.leastVersion || version > applying.getAsInt()) {
            wrong.accept("version " + version + " of the zone (expected: " + slot.leastVersion + " to "
                    + applying.getAsInt() + ")");
        }
    }

    /** Gives up what waits for too long, and asks again in its place; returns for how many it did not. */
    private int expire(boolean over) throws IOException {
        int gone = 0;
        long now = System.nanoTime();
        for (int i = 0; i < WINDOW; i++) {
            if (slots[i].waits && now - slots[i].sentNs > LOST_NS) {
                lost++;
                slots[i].waits = false;
                if (over) {
                    gone++;
                } else {
                    ask(i);
                }
            }
        }
        return gone;
    }

    @Override
    public void close() {
        socket.close();
    }
}
