package dev.drover.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.mapping.Tables;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class DrainWatchTest {
    private static final InetSocketAddress ONE = Tables.socketAddress("10.42.1.2:80");
    private static final InetSocketAddress TWO = Tables.socketAddress("10.42.1.2:81");

    private final Map<InetSocketAddress, Long> inFlight = new HashMap<>();
    private final List<String> drained = new ArrayList<>();
    private final DrainWatch watch = new DrainWatch(target -> inFlight.getOrDefault(target, 0L), drained::add);

    @Test
    void tellsOnceWhenTheLastOfAllTargetsIsFree() {
        inFlight.put(TWO, 1L);
        watch.draining(Map.of("i1", Set.of(ONE, TWO)));
        assertThat(watch.check()).isTrue();
        assertThat(drained).isEmpty();
        inFlight.clear();
        assertThat(watch.check()).isFalse();
        watch.check();
        assertThat(drained).containsExactly("i1");
    }

    @Test
    void tellsAgainAfterAReconnectOrANewDrain() {
        watch.draining(Map.of("i1", Set.of(ONE)));
        watch.check();
        watch.repeat();
        watch.check();
        watch.draining(Map.of());
        watch.draining(Map.of("i1", Set.of(ONE)));
        watch.check();
        assertThat(drained).containsExactly("i1", "i1", "i1");
    }
}
