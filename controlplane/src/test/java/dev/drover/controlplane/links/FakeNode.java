package dev.drover.controlplane.links;

import dev.drover.controlplane.Samples;
import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.Down;
import dev.drover.controlplane.link.LinkCodec;
import dev.drover.controlplane.link.Up;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A node without a host: speaks the link over a real WebSocket, keeps the desired state, and pretends to run its
 * workloads. What it does by itself is switched by the fields.
 */
public final class FakeNode implements WebSocket.Listener, AutoCloseable {
    private static final AtomicInteger IDS = new AtomicInteger();

    private final String key;
    private final String block;
    private final StringBuilder partial = new StringBuilder();
    private final TreeMap<String, DesiredItem> desired = new TreeMap<>();
    private final Map<String, Up.ContainerFact> containers = new HashMap<>();
    private final CopyOnWriteArrayList<Down> received = new CopyOnWriteArrayList<>();
    private final CompletableFuture<String> closed = new CompletableFuture<>();
    private final CompletableFuture<Void> deafened = new CompletableFuture<>();
    private int nextAddress = 2;
    /** Of the desired state it holds; may be set as if it came from the disk. */
    public volatile long revision;

    private CompletableFuture<WebSocket> sending = new CompletableFuture<>();
    private volatile WebSocket connection;

    /** Acknowledges each desired state at once. */
    public volatile boolean acknowledges = true;
    /** Starts a container for each workload and reports it. */
    public volatile boolean runs = true;
    /** Reports each draining target as drained at once. */
    public volatile boolean drains = true;
    /** Answers the request for a full list. */
    public volatile boolean lists = true;
    /** Reads nothing any more, pings neither: as good as cut off. */
    public volatile boolean deaf;

    public FakeNode(String key, String block) {
        this.key = key;
        this.block = block.substring(0, block.lastIndexOf('.') + 1);
    }

    /** Connects and says hello with the revision it holds. */
    public FakeNode connect(int port) {
        connectSilently(port);
        send(new Up.Hello("test", revision, Samples.FACTS));
        return this;
    }

    /** Connects and says nothing. */
    public FakeNode connectSilently(int port) {
        WebSocket socket = HttpClient.newHttpClient()
                .newWebSocketBuilder()
                .header("Authorization", "Bearer " + key)
                .buildAsync(URI.create("ws://127.0.0.1:" + port + "/v1/link"), this)
                .join();
        connection = socket;
        sending = CompletableFuture.completedFuture(socket);
        return this;
    }

    /** Facts are remembered, so that the full list that the server may ask for agrees with them. */
    public synchronized void send(Object message) {
        if (message instanceof Up.Facts facts) {
            if (facts.full()) {
                containers.clear();
            }
            facts.put().forEach(fact -> containers.put(fact.dockerId(), fact));
            facts.remove().forEach(containers::remove);
        }
        sendText(LinkCodec.encode(message));
    }

    public synchronized void sendText(String text) {
        sending = sending.thenCompose(socket -> socket.sendText(text, true));
    }

    @Override
    public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
        partial.append(data);
        if (last) {
            String text = partial.toString();
            partial.setLength(0);
            onMessage(LinkCodec.decode(text, Down.class));
        }
        requestNext(socket);
        return null;
    }

    @Override
    public CompletionStage<?> onPing(WebSocket socket, ByteBuffer message) {
        requestNext(socket);
        return null;
    }

    private void requestNext(WebSocket socket) {
        if (deaf) {
            deafened.complete(null);
        } else {
            socket.request(1);
        }
    }

    /** Makes the node {@link #deaf} and waits until it really is. */
    public void deafen() {
        deaf = true;
        deafened.join();
    }

    @Override
    public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
        closed.complete(code + " " + reason);
        return null;
    }

    @Override
    public void onError(WebSocket socket, Throwable error) {
        closed.complete(String.valueOf(error));
    }

    private synchronized void onMessage(Down message) {
        received.add(message);
        if (message instanceof Down.SendFull && lists) {
            send(new Up.Facts(true, List.copyOf(containers.values()), List.of()));
        }
        if (!(message instanceof Down.Desired change)) {
            return;
        }
        if (change.full()) {
            desired.clear();
        }
        desired.putAll(change.put());
        change.remove().forEach(desired::remove);
        revision = change.revision();
        if (acknowledges) {
            send(new Up.Applied(revision, Map.of()));
        }
        if (runs) {
            run();
        }
        if (drains) {
            List<String> draining = desired.values().stream()
                    .flatMap(item -> item instanceof DesiredItem.Listener listener
                            ? listener.targets().stream()
                            : java.util.stream.Stream.empty())
                    .filter(DesiredItem.Target::draining)
                    .map(DesiredItem.Target::instanceId)
                    .distinct()
                    .toList();
            if (!draining.isEmpty()) {
                send(new Up.Drained(draining));
            }
        }
    }

    /** Starts what is wanted and not there, removes what is there and not wanted, and says so. */
    public synchronized void run() {
        Map<String, String> byInstance = new HashMap<>();
        containers.forEach((id, fact) -> {
            if (fact.instanceId() != null) {
                byInstance.put(fact.instanceId(), id);
            }
        });
        List<Up.ContainerFact> put = new ArrayList<>();
        for (DesiredItem.Workload workload : desired(DesiredItem.Workload.class)) {
            if (byInstance.remove(workload.instanceId()) == null) {
                put.add(Samples.running(
                        "c" + IDS.incrementAndGet(),
                        workload.containerName(),
                        block + nextAddress++,
                        workload.instanceId()));
            }
        }
        List<String> remove = List.copyOf(byInstance.values());
        if (!put.isEmpty() || !remove.isEmpty()) {
            send(new Up.Facts(false, put, remove));
        }
    }

    public synchronized Map<String, DesiredItem> desired() {
        return new TreeMap<>(desired);
    }

    public synchronized <T extends DesiredItem> List<T> desired(Class<T> type) {
        return desired.values().stream()
                .filter(type::isInstance)
                .map(type::cast)
                .toList();
    }

    public synchronized List<String> name(String name) {
        return desired.get("name/" + name) instanceof DesiredItem.Name found ? found.addresses() : null;
    }

    public List<Down> received() {
        return List.copyOf(received);
    }

    public <T extends Down> List<T> received(Class<T> type) {
        return received.stream().filter(type::isInstance).map(type::cast).toList();
    }

    /** Completes with code and reason when the connection has ended. */
    public CompletableFuture<String> closed() {
        return closed;
    }

    /** Ends the connection as a killed process does, also one that the server has ended already. */
    public void kill() {
        if (connection != null) {
            connection.abort();
        }
    }

    @Override
    public void close() {
        kill();
    }
}
