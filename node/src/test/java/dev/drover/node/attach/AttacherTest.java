package dev.drover.node.attach;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import dev.drover.node.docker.Labels;
import dev.drover.node.docker.Seen;
import dev.drover.node.state.StateDir;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AttacherTest {
    private static final Map<String, String> LABELLED = Map.of(Labels.NETWORK, "true");

    @TempDir
    Path temporary;

    private final List<String> calls = new ArrayList<>();

    private static Seen created(Map<String, String> labels, String networkMode) {
        return new Seen("0123456789abcdef", "web", "busybox", "created", 0, "", null, null, labels, networkMode, null);
    }

    @Test
    void aContainerHasItsAddressBeforeItRuns() throws Exception {
        try (StateDir state = StateDir.open(temporary);
                Addresses addresses = new Addresses(Cidr.parse("10.42.1.0/24"), state)) {
            Attacher attacher = new Attacher(addresses, new Recorded(), _ -> List.of());
            Seen labelled = created(LABELLED, "default");

            attacher.reserve(labelled.named());

            Addresses.Lease lease = attacher.reserved(labelled.id());
            assertThat(lease).isNotNull();
            assertThat(attacher.update(labelled)).isEqualTo(Attachment.NONE);
            assertThat(attacher.reserved(labelled.id())).isEqualTo(lease);
            assertThat(calls).doesNotContain("attach");
        }
    }

    @Test
    void whatDoesNotBelongIntoTheOverlayHasNone() throws Exception {
        try (StateDir state = StateDir.open(temporary);
                Addresses addresses = new Addresses(Cidr.parse("10.42.1.0/24"), state)) {
            Attacher attacher = new Attacher(addresses, new Recorded(), _ -> List.of());
            for (Seen other : List.of(created(Map.of(), "default"), created(LABELLED, "host"))) {
                attacher.reserve(other.named());
                attacher.update(other);
                assertThat(attacher.reserved(other.id())).isNull();
            }
            assertThat(addresses.holders()).isEmpty();
        }
    }

    private final class Recorded implements Wiring {
        @Override
        public void attach(String containerId, int pid, int address, Mac mac) {
            calls.add("attach");
        }

        @Override
        public boolean inPlace(String containerId) {
            return true;
        }

        @Override
        public int mtu() {
            return 1450;
        }

        @Override
        public void detach(String containerId) {
            calls.add("detach");
        }

        @Override
        public void resolver(Path resolvConf, List<String> search) {
            calls.add("resolver");
        }
    }
}
