package dev.drover.perf;

import dev.drover.dataplane.NetNs;
import java.io.IOException;
import java.net.ConnectException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.PortUnreachableException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Looks at the network as a program in a container does: asks the container's resolver again and again, a query each
 * millisecond, and then connects. Its sockets are made inside the container's network namespace; nothing is forked.
 * Times are nanoseconds of the wall clock, as Docker's events have them.
 */
final class NameProbe {
    private static final long QUERY_EVERY_NS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final int ANSWER_MS = 1;
    /** Without a reply that holds an address for so long, the name has gone. */
    private static final long SILENCE_NS = TimeUnit.MILLISECONDS.toNanos(100);

    private static final int DNS_PORT = 53;
    /** Nothing listens there: the refusal is the first packet that the container itself sends back. */
    private static final int CLOSED_PORT = 9;

    private static final int CONNECT_MS = 20;

    private final String host;
    private final String namespace;
    private final InetAddress resolver;

    /**
     * What was seen.
     *
     * @param resolvedNs when the first right answer came, or the last one before the name was gone
     * @param reachedNs 0 when nothing was connected to
     */
    record Sighting(String host, Set<InetAddress> addresses, long resolvedNs, long reachedNs) {}

    /**
     * @param host where the container runs
     * @param namespace path of the container's network namespace
     */
    NameProbe(String host, String namespace, InetAddress resolver) {
        this.host = host;
        this.namespace = namespace;
        this.resolver = resolver;
    }

    String host() {
        return host;
    }

    /**
     * Asks for a name until the answer is right, then connects to its address if {@code connect}; blocks.
     *
     * @throws IllegalStateException when the answer was not right, or the address did not answer, within {@code limit}
     */
    Sighting await(String name, Predicate<Set<InetAddress>> right, boolean connect, Duration limit) throws IOException {
        long endNs = System.nanoTime() + limit.toNanos();
        try (NetNs inside = NetNs.open(namespace)) {
            return inside.call(() -> {
                Set<InetAddress> found = resolve(name, right, endNs);
                long resolvedNs = nowNs();
                if (!connect) {
                    return new Sighting(host, found, resolvedNs, 0);
                }
                reach(found.iterator().next(), endNs);
                return new Sighting(host, found, resolvedNs, nowNs());
            });
        }
    }

    /**
     * Asks for a name that resolves until it does not any more, whether the resolver denies it or stays silent; blocks.
     *
     * @return the last reply with an address
     * @throws IllegalStateException when they went on to come until {@code limit}
     */
    Sighting awaitEnd(String name, Duration limit) throws IOException {
        long endNs = System.nanoTime() + limit.toNanos();
        try (NetNs inside = NetNs.open(namespace);
                Asking asking = inside.call(() -> new Asking(resolver, name))) {
            Sighting last = new Sighting(host, Set.of(), nowNs(), 0);
            long lastNs = System.nanoTime();
            while (System.nanoTime() - lastNs < SILENCE_NS) {
                Set<InetAddress> found = asking.next();
                if (found != null && !found.isEmpty()) {
                    last = new Sighting(host, found, nowNs(), 0);
                    lastNs = System.nanoTime();
                    if (lastNs - endNs > 0) {
                        throw new IllegalStateException(host + ": " + name + " still is " + found);
                    }
                }
            }
            return last;
        }
    }

    private Set<InetAddress> resolve(String name, Predicate<Set<InetAddress>> right, long endNs) throws IOException {
        try (Asking asking = new Asking(resolver, name)) {
            Set<InetAddress> last = null;
            while (System.nanoTime() - endNs < 0) {
                Set<InetAddress> found = asking.next();
                if (found != null && right.test(found)) {
                    return found;
                }
                last = found;
            }
            throw new IllegalStateException(host + ": " + name + " is " + last);
        }
    }

    /** The same question again and again, at the rate of a query each millisecond. */
    private static final class Asking implements AutoCloseable {
        private final DatagramSocket socket = new DatagramSocket();
        private final DatagramPacket reply =
                new DatagramPacket(new byte[DnsMessage.BUFFER_BYTES], DnsMessage.BUFFER_BYTES);
        private final String name;
        private int id;
        private long dueNs = System.nanoTime();

        Asking(InetAddress resolver, String name) throws IOException {
            this.name = name;
            socket.connect(new InetSocketAddress(resolver, DNS_PORT));
            socket.setSoTimeout(ANSWER_MS);
        }

        /**
         * Asks when it is time to.
         *
         * @return the addresses of a reply, null when none came; a late reply to an earlier query is as good, for it says
         *     what the resolver knew
         */
        @Nullable
        Set<InetAddress> next() throws IOException {
            LockSupport.parkNanos(dueNs - System.nanoTime());
            dueNs = System.nanoTime() + QUERY_EVERY_NS;
            byte[] query = DnsMessage.question(id++ & 0xffff, name);
            try {
                socket.send(new DatagramPacket(query, query.length));
                reply.setLength(DnsMessage.BUFFER_BYTES);
                socket.receive(reply);
                return DnsMessage.addresses(reply.getData(), reply.getLength());
            } catch (SocketTimeoutException | PortUnreachableException e) {
                return null;
            }
        }

        @Override
        public void close() {
            socket.close();
        }
    }

    private void reach(InetAddress address, long endNs) throws IOException {
        InetSocketAddress target = new InetSocketAddress(address, CLOSED_PORT);
        while (System.nanoTime() - endNs < 0) {
            try (Socket socket = new Socket()) {
                socket.connect(target, CONNECT_MS);
                return;
            } catch (ConnectException e) {
                if (String.valueOf(e.getMessage()).contains("refused")) {
                    return;
                }
            } catch (SocketTimeoutException | NoRouteToHostException e) {
                LockSupport.parkNanos(QUERY_EVERY_NS); // not yet
            }
        }
        throw new IllegalStateException(host + ": " + address + " does not answer");
    }

    /** Of the wall clock. */
    static long nowNs() {
        return ChronoUnit.NANOS.between(Instant.EPOCH, Instant.now());
    }
}
