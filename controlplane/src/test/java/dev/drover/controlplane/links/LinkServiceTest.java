package dev.drover.controlplane.links;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.drover.controlplane.Samples;
import dev.drover.controlplane.link.DesiredItem.Neighbour;
import dev.drover.controlplane.link.DesiredItem.Peer;
import dev.drover.controlplane.link.Down;
import dev.drover.controlplane.link.HostIdentity;
import dev.drover.controlplane.link.Up;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.link.Up.Facts;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.store.MemoryStore;
import dev.drover.controlplane.store.Store;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class LinkServiceTest {
    private LinkFixture fixture;

    @BeforeEach
    void start() {
        fixture = new LinkFixture();
    }

    @AfterEach
    void stop() {
        fixture.close();
    }

    @Test
    void helloIsAnsweredWithIdentityAndTheWholeState() {
        fixture.join(2);
        FakeNode node = fixture.join(1).connect(fixture.port());
        await().untilAsserted(() -> assertThat(node.desired(Peer.class)).hasSize(1));
        assertThat(node.received(Down.Welcome.class))
                .singleElement()
                .extracting(Down.Welcome::identity)
                .isEqualTo(new HostIdentity(
                        "h1",
                        "host1",
                        Samples.ENV,
                        "test",
                        "10.42.1.0/24",
                        "10.42.0.0/16",
                        1042,
                        4789,
                        "rancher.internal"));
        assertThat(node.received(Down.Desired.class).getFirst().full()).isTrue();
        assertThat(fixture.live.connected("h1")).isTrue();
        assertThat(host(1).facts()).isEqualTo(Samples.FACTS);
        await().untilAsserted(() -> {
            assertThat(fixture.links.status("h1").appliedRevision()).isPositive();
            assertThat(fixture.links.status("h1").behindSinceMs()).isEqualTo(Long.MAX_VALUE);
        });
    }

    @Test
    void wrongKeyIsRefusedBeforeTheSocketOpens() {
        fixture.join(1);
        for (String key : List.of("", "nonsense", "drvh1.e1.h1.guess", "drvh1.e1.h9.guess")) {
            FakeNode stranger = fixture.node(Samples.host(1), key);
            assertThatThrownBy(() -> stranger.connectSilently(fixture.port()))
                    .isInstanceOf(CompletionException.class)
                    .hasMessageContaining("WebSocketHandshakeException");
        }
        assertThat(fixture.live.connected("h1")).isFalse();
    }

    @Test
    void factsBecomeContainersAndReachTheOtherNodesAsADelta() {
        FakeNode one = fixture.join(1).connect(fixture.port());
        FakeNode two = fixture.join(2).connect(fixture.port());
        await().until(() -> !two.desired(Peer.class).isEmpty());
        one.send(facts(false, Samples.running("c1", "web1", "10.42.1.2", null)));
        await().untilAsserted(() -> assertThat(two.name("web1")).containsExactly("10.42.1.2"));
        assertThat(two.desired(Neighbour.class)).extracting(Neighbour::address).containsExactly("10.42.1.2");
        assertThat(two.received(Down.Desired.class).getLast().full()).isFalse();
        assertThat(one.desired(Neighbour.class)).isEmpty();
        one.send(new Facts(false, List.of(), List.of("c1")));
        await().untilAsserted(() -> assertThat(two.name("web1")).isNull());
    }

    @Test
    void fullListRemovesWhatItDoesNotNameOfThisHostOnly() {
        FakeNode one = fixture.join(1).connect(fixture.port());
        FakeNode two = fixture.join(2).connect(fixture.port());
        two.send(facts(false, Samples.running("c9", "other", "10.42.2.2", null)));
        one.send(facts(
                false, Samples.running("c1", "a", "10.42.1.2", null), Samples.running("c2", "b", "10.42.1.3", null)));
        await().untilAsserted(() -> assertThat(containers()).hasSize(3));
        one.send(facts(true, Samples.running("c2", "b", "10.42.1.3", null)));
        await().untilAsserted(() -> assertThat(containers()).containsExactlyInAnyOrder("c2", "c9"));
        long revision = fixture.repository.revision();
        one.send(facts(true, Samples.running("c2", "b", "10.42.1.3", null)));
        one.send(facts(true, Samples.running("c2", "b", "10.42.1.3", null)));
        one.send(facts(false, Samples.running("c3", "c", "10.42.1.4", null)));
        await().untilAsserted(() -> assertThat(containers()).contains("c3"));
        assertThat(fixture.repository.revision()).isEqualTo(revision + 1);
    }

    @Test
    void addressOfAnotherHostsBlockIsNotBelieved() {
        FakeNode one = fixture.join(1).connect(fixture.port());
        FakeNode two = fixture.join(2).connect(fixture.port());
        one.send(facts(false, Samples.running("c1", "thief", "10.42.2.2", null)));
        await().untilAsserted(() -> assertThat(containers()).containsExactly("c1"));
        assertThat(fixture.repository.list(Kind.CONTAINER).getFirst().fact().problem())
                .isEqualTo("address 10.42.2.2 is not of this host's block 10.42.1.0/24");
        assertThat(two.name("thief")).isNull();
    }

    @Test
    void flowsAreBelievedOfTheHostsOwnContainersAndForgottenWithTheConnection() throws Exception {
        FakeNode one = fixture.join(1).connect(fixture.port());
        Up.Flow sent = new Up.Flow("10.42.1.2", "10.42.2.2", 10, 1000, 0, null);
        Up.Flow refused = new Up.Flow("10.42.2.2", "10.42.1.2", 0, 0, 3, "bad_checksum");
        one.send(new Up.Flows(
                15_000,
                List.of(
                        sent,
                        new Up.Flow("10.42.2.2", "10.42.1.2", 7, 700, 3, "bad_checksum"),
                        new Up.Flow("10.42.2.2", "10.42.3.2", 7, 700, 0, null))));
        await().untilAsserted(() ->
                assertThat(fixture.live.flows("h1")).contains(new Up.Flows(15_000, List.of(sent, refused))));
        one.send(new Up.Flows(15_000, List.of(new Up.Flow("ten", "10.42.2.2", 0, 0, 0, null))));
        assertThat(one.closed().get(30, TimeUnit.SECONDS))
                .isEqualTo("1007 flows.flows[0].source: no IP address (expected: IPv4 or IPv6)");
        await().untilAsserted(() -> assertThat(fixture.live.flows("h1")).isEmpty());
    }

    @Test
    void malformedMessagesEndTheConnectionWithTheReason() throws Exception {
        List<String> messages = List.of(
                "no json",
                "{\"type\":\"nonsense\"}",
                "{\"type\":\"facts\",\"full\":true,\"put\":[],\"remove\":[]}",
                "{\"type\":\"hello\",\"nodeVersion\":\"x\",\"revision\":0}");
        FakeNode node = fixture.join(1);
        for (String message : messages) {
            FakeNode bad = again(1).connectSilently(fixture.port());
            bad.sendText(message);
            assertThat(bad.closed().get(30, TimeUnit.SECONDS)).startsWith("1007 ");
        }
        node.connect(fixture.port());
        await().until(() -> fixture.live.connected("h1"));
        node.send(facts(false, Samples.running("c/1", "x", null, null)));
        assertThat(node.closed().get(30, TimeUnit.SECONDS))
                .isEqualTo("1007 facts.put[0].dockerId: c/1 (expected: a container id)");
    }

    @Test
    void messageBeyondTheLimitEndsTheConnection() throws Exception {
        FakeNode node = fixture.join(1).connect(fixture.port());
        await().until(() -> fixture.live.connected("h1"));
        node.sendText("x".repeat(LinkFixture.QUICK.maxMessageBytes() + 1));
        assertThat(node.closed().get(30, TimeUnit.SECONDS)).startsWith("1009 ");
    }

    @Test
    void silentNodeIsDisconnectedAndItsContainersStay() {
        FakeNode one = fixture.join(1).connect(fixture.port());
        FakeNode two = fixture.join(2).connect(fixture.port());
        one.send(facts(false, Samples.running("c1", "web1", "10.42.1.2", null)));
        await().untilAsserted(() -> assertThat(two.name("web1")).hasSize(1));
        one.deafen();
        await().until(() -> !fixture.live.connected("h1"));
        assertThat(two.name("web1")).hasSize(1);
        assertThat(fixture.live.connected("h2")).isTrue();
    }

    @Test
    void connectionWithoutHelloIsEnded() throws Exception {
        FakeNode node = fixture.join(1).connectSilently(fixture.port());
        assertThat(node.closed().get(30, TimeUnit.SECONDS)).startsWith("1008 no hello within");
        assertThat(fixture.live.connected("h1")).isFalse();
    }

    @Test
    void secondNodeWithTheSameKeyIsRefusedWhileTheFirstLives() throws Exception {
        FakeNode first = fixture.join(1).connect(fixture.port());
        await().until(() -> fixture.live.connected("h1"));
        FakeNode second = again(1).connect(fixture.port());
        assertThat(second.closed().get(30, TimeUnit.SECONDS)).startsWith("4410 another node with this host's key");
        assertThat(fixture.live.connected("h1")).isTrue();
        assertThat(first.closed()).isNotDone();
        assertThat(fixture.live.message("h1"))
                .hasValueSatisfying(text -> assertThat(text).contains("second node"));
    }

    @Test
    void nodeThatComesBackReplacesItsDeadConnection() {
        FakeNode dead = fixture.join(1).connect(fixture.port());
        await().until(() -> fixture.live.connected("h1"));
        dead.deafen();
        FakeNode back = again(1).connect(fixture.port());
        await().untilAsserted(
                        () -> assertThat(back.received(Down.Welcome.class)).hasSize(1));
        assertThat(fixture.live.connected("h1")).isTrue();
    }

    @Test
    void nodeThatWasAwayForAMomentGetsADelta() {
        FakeNode one = fixture.join(1).connect(fixture.port());
        FakeNode two = fixture.join(2).connect(fixture.port());
        two.send(facts(false, Samples.running("c1", "web1", "10.42.2.2", null)));
        await().untilAsserted(() -> assertThat(one.name("web1")).hasSize(1));
        await().until(() -> fixture.links.status("h1").behindSinceMs() == Long.MAX_VALUE);
        one.kill();
        await().until(() -> !fixture.live.connected("h1"));
        two.send(facts(false, Samples.running("c2", "web2", "10.42.2.3", null)));
        await().untilAsserted(() -> assertThat(containers()).hasSize(2));
        int before = one.received(Down.Desired.class).size();
        one.connect(fixture.port());
        await().untilAsserted(() -> assertThat(one.name("web2")).hasSize(1));
        assertThat(one.received(Down.Desired.class)
                        .subList(before, one.received(Down.Desired.class).size()))
                .allSatisfy(desired -> assertThat(desired.full()).isFalse());
    }

    @Test
    void restartedServerTellsTheSameStateBeforeAnyHostHasReported() {
        FakeNode one = fixture.join(1).connect(fixture.port());
        FakeNode two = fixture.join(2).connect(fixture.port());
        two.send(facts(false, Samples.running("c1", "web1", "10.42.2.2", null)));
        await().untilAsserted(() -> assertThat(one.name("web1")).hasSize(1));
        Store copy = new MemoryStore();
        copy.commit(
                List.of(),
                fixture.store.list("").entries().stream()
                        .<Store.Op>map(entry -> new Store.Op.Put(entry.key(), entry.value()))
                        .toList());
        fixture.close();
        fixture = new LinkFixture(copy);
        FakeNode back = again(1);
        back.lists = false;
        back.revision = 1_000; // from its disk; not known to the new process
        back.connect(fixture.port());
        back.send(new Up.Applied(1_000, Map.of()));
        await().untilAsserted(() -> assertThat(back.desired()).isNotEmpty());
        assertThat(back.received(Down.Desired.class).getFirst().full()).isTrue();
        assertThat(back.received(Down.Desired.class).getFirst().put().keySet())
                .filteredOn(key -> !key.startsWith("about/"))
                .containsExactlyInAnyOrder("peer/h2", "neighbour/10.42.2.2", "name/web1");
    }

    @Test
    void removedHostIsSentAwayAndForgotten() throws Exception {
        FakeNode one = fixture.join(1).connect(fixture.port());
        FakeNode two = fixture.join(2).connect(fixture.port());
        one.send(facts(false, Samples.running("c1", "web1", "10.42.1.2", null)));
        await().untilAsserted(() -> assertThat(two.name("web1")).hasSize(1));
        fixture.repository.update(tx -> tx.delete(Kind.HOST, host(1)));
        assertThat(one.closed().get(30, TimeUnit.SECONDS)).startsWith("4403 ");
        await().untilAsserted(() -> {
            assertThat(two.name("web1")).isNull();
            assertThat(two.desired(Peer.class)).isEmpty();
            assertThat(containers()).isEmpty();
        });
    }

    @Test
    void bigStatesArriveWholeInFragments() {
        FakeNode one = fixture.join(1).connect(fixture.port());
        FakeNode two = fixture.join(2);
        List<ContainerFact> many = new ArrayList<>();
        for (int i = 0; i < 240; i++) {
            many.add(new ContainerFact(
                    "c" + i,
                    "container-\u00fc-" + i,
                    "busybox",
                    "running",
                    "2026-11-22T09:00:00Z",
                    "2026-11-22T10:00:00Z",
                    null,
                    "10.42.1." + (i + 2),
                    "02:00:00:00:00:01",
                    null,
                    Map.of("k", "\u20ac".repeat(80)),
                    null));
        }
        one.send(new Facts(true, many, List.of()));
        await().untilAsserted(() -> assertThat(containers()).hasSize(240));
        two.connect(fixture.port());
        await().untilAsserted(() -> assertThat(two.desired(Neighbour.class)).hasSize(240));
        assertThat(fixture.repository.list(Kind.CONTAINER).getFirst().fact().name())
                .contains("\u00fc");
    }

    @Test
    void slowNodeGetsManyChangesAsFewMessages() {
        FakeNode one = fixture.join(1).connect(fixture.port());
        FakeNode two = fixture.join(2).connect(fixture.port());
        await().until(() -> fixture.live.connected("h1") && fixture.live.connected("h2"));
        for (int i = 0; i < 200; i++) {
            one.send(facts(false, Samples.running("c" + i, "n" + i, "10.42.1." + (i + 2), null)));
        }
        await().atMost(Duration.ofSeconds(30))
                .untilAsserted(() -> assertThat(two.desired(Neighbour.class)).hasSize(200));
        List<Long> revisions = two.received(Down.Desired.class).stream()
                .map(Down.Desired::revision)
                .toList();
        assertThat(revisions).isSorted().doesNotHaveDuplicates();
    }

    private static Facts facts(boolean full, ContainerFact... put) {
        return new Facts(full, List.of(put), List.of());
    }

    private Host host(int n) {
        return fixture.repository.get(Kind.HOST, Samples.ENV, "h" + n).orElseThrow();
    }

    /** Another process with the key of the host that has joined. */
    private FakeNode again(int n) {
        return fixture.node(Samples.host(n), fixture.keys.get("h" + n));
    }

    private List<String> containers() {
        return fixture.repository.list(Kind.CONTAINER).stream()
                .map(Container::fact)
                .map(ContainerFact::dockerId)
                .toList();
    }
}
