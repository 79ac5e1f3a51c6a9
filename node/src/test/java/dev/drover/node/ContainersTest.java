package dev.drover.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Mac;
import dev.drover.node.attach.Addresses;
import dev.drover.node.attach.Attachment;
import dev.drover.node.docker.Named;
import dev.drover.node.docker.Seen;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ContainersTest {
    private static final String ID = "0123456789abcdef";
    private static final Instant STARTED = Instant.parse("2026-01-01T00:00:00Z");
    private static final Addresses.Lease LEASE = new Addresses.Lease(0x0a2a0002, Mac.parse("02:00:00:00:00:01"));
    private static final Named NAMED = new Named(ID, "web", Map.of());
    private static final Attachment WIRED = new Attachment(LEASE, null, false);

    private final Containers containers = new Containers();

    private static Containers.Entry running(Instant started) {
        Seen seen =
                new Seen(ID, "web", "busybox", "running", 42, "", started.toString(), null, Map.of(), "default", null);
        return new Containers.Entry(seen, WIRED);
    }

    private static Containers.Entry created() {
        Seen seen = new Seen(ID, "web", "busybox", "created", 0, "", null, null, Map.of(), "default", null);
        return new Containers.Entry(seen, Attachment.NONE);
    }

    private static long nanos(Instant time) {
        return time.getEpochSecond() * 1_000_000_000L + time.getNano();
    }

    @Test
    void aContainerThatEndedIsNoLocalOneAnyMoreBeforeItIsLookedAt() {
        containers.put(running(STARTED));

        Containers.Entry ended = containers.ended(ID, nanos(STARTED.plusMillis(10)), 137);

        assertThat(containers.local()).isEmpty();
        assertThat(ended).isNotNull();
        assertThat(ended.fact().state()).isEqualTo("exited");
        assertThat(ended.fact().exitCode()).isEqualTo(137);
        assertThat(ended.fact().address()).isNull();
        assertThat(containers.facts()).containsExactly(ended.fact());
    }

    @Test
    void aLookFromBeforeTheEndDoesNotBringItBack() {
        containers.put(running(STARTED));
        containers.ended(ID, nanos(STARTED.plusMillis(10)), 0);

        assertThat(containers.put(running(STARTED))).isFalse();
        assertThat(containers.local()).isEmpty();
    }

    @Test
    void aStartAfterTheEndCounts() {
        containers.put(running(STARTED));
        containers.ended(ID, nanos(STARTED.plusMillis(10)), 0);

        assertThat(containers.put(running(STARTED.plusMillis(20)))).isTrue();
        assertThat(containers.local()).hasSize(1);
    }

    @Test
    void anEndFromBeforeTheLastStartIsOldNews() {
        containers.put(running(STARTED));

        assertThat(containers.ended(ID, nanos(STARTED.minusMillis(1)), 0)).isNull();
        assertThat(containers.local()).hasSize(1);
    }

    @Test
    void theEndOfAContainerThatIsNotKnownIsLeftToALook() {
        assertThat(containers.ended(ID, nanos(STARTED), 0)).isNull();
        assertThat(containers.facts()).isEmpty();
    }

    @Test
    void aContainerThatBeginsToRunIsALocalOneBeforeItIsWired() {
        containers.put(created());

        assertThat(containers.started(NAMED, LEASE)).isTrue();
        assertThat(containers.local()).singleElement().satisfies(local -> {
            assertThat(local.name()).isEqualTo("web");
            assertThat(local.wired()).isFalse();
        });
        assertThat(containers.facts().getFirst().address())
                .as("what others are told")
                .isNull();
        assertThat(containers.put(created())).as("a look from before the start").isFalse();
        assertThat(containers.local()).hasSize(1);

        assertThat(containers.put(running(STARTED))).isTrue();
        assertThat(containers.local())
                .singleElement()
                .satisfies(local -> assertThat(local.wired()).isTrue());
    }

    @Test
    void aContainerHasItsNameBeforeItWasEverLookedAt() {
        assertThat(containers.started(NAMED, LEASE)).isTrue();
        assertThat(containers.local()).hasSize(1);
        assertThat(containers.facts()).isEmpty();

        assertThat(containers.forgetStart(ID)).as("it ended").isTrue();
        assertThat(containers.local()).isEmpty();
    }

    @Test
    void aStartThatIsToldAgainIsNoNews() {
        containers.put(running(STARTED));

        assertThat(containers.started(NAMED, LEASE)).isFalse();
        assertThat(containers.local())
                .singleElement()
                .satisfies(local -> assertThat(local.wired()).isTrue());
    }

    @Test
    void aContainerThatCannotBeWiredIsNoLocalOneAnyMore() {
        containers.put(created());
        containers.started(NAMED, LEASE);

        containers.put(new Containers.Entry(running(STARTED).seen(), new Attachment(null, "attach: no bridge", true)));

        assertThat(containers.local()).isEmpty();
    }
}
