package dev.drover.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Mac;
import dev.drover.node.attach.Addresses;
import dev.drover.node.attach.Attachment;
import dev.drover.node.docker.Seen;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ContainersTest {
    private static final String ID = "0123456789abcdef";
    private static final Instant STARTED = Instant.parse("2026-01-01T00:00:00Z");
    private static final Attachment WIRED =
            new Attachment(new Addresses.Lease(0x0a2a0002, Mac.parse("02:00:00:00:00:01")), null, false);

    private final Containers containers = new Containers();

    private static Containers.Entry running(Instant started) {
        Seen seen =
                new Seen(ID, "web", "busybox", "running", 42, "", started.toString(), null, Map.of(), "default", null);
        return new Containers.Entry(seen, WIRED);
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
}
