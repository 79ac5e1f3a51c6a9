package dev.drover.node.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.Down;
import dev.drover.controlplane.link.HostIdentity;
import dev.drover.controlplane.link.LinkCodec;
import dev.drover.overlay.Encryption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class StateDirTest {
    @TempDir
    Path temporary;

    private static Identity identity() {
        return new Identity(
                "https://192.0.2.2:8443",
                "pin",
                "very-secret",
                "machine",
                "192.0.2.11",
                Map.of("zone", "a"),
                new HostIdentity("h1", "host1", "e1", "test", "10.42.1.0/24", "10.42.0.0/16", 1042, 4789, "zone"));
    }

    @Test
    void keepsWhatWasWritten() throws Exception {
        Desired desired = new Desired(9, Map.of("name/web", new DesiredItem.Name("web", List.of("10.42.2.2"))));
        Assignments assignments =
                new Assignments(Map.of("c1", new Assignment("10.42.1.2", "02:00:00:00:00:01")), List.of("10.42.1.3"));
        String machineId;
        try (StateDir state = StateDir.open(temporary.resolve("node"))) {
            assertThat(state.identity()).isNull();
            assertThat(state.desired()).isEqualTo(Desired.NONE);
            state.identity(identity());
            state.desired(desired);
            state.assignments(assignments);
            machineId = state.machineId();
        }
        try (StateDir state = StateDir.open(temporary.resolve("node"))) {
            assertThat(state.identity()).isEqualTo(identity());
            assertThat(state.desired()).isEqualTo(desired);
            assertThat(state.assignments()).isEqualTo(assignments);
            assertThat(state.machineId()).isEqualTo(machineId);
        }
    }

    @Test
    void theKeyOfTheOverlayIsMadeOnceAndForTheOwnerAlone() throws Exception {
        Path file = temporary.resolve("node/overlay.key");
        Encryption made;
        try (StateDir state = StateDir.open(temporary.resolve("node"))) {
            assertThat(Files.exists(file)).isFalse();
            made = state.encryption();
        }
        try (StateDir state = StateDir.open(temporary.resolve("node"))) {
            assertThat(state.encryption()).isEqualTo(made);
        }
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
    }

    @Test
    void anIdentityOfBeforeEncryptionIsStillRead() {
        String text = "{\"hostId\":\"h1\",\"hostName\":\"n\",\"environmentId\":\"e\",\"environmentName\":\"t\","
                + "\"block\":\"10.42.1.0/24\",\"subnet\":\"10.42.0.0/16\",\"vni\":1,\"port\":4789,\"zone\":\"z\"}";
        HostIdentity identity = LinkCodec.decode(text, HostIdentity.class);
        assertThat(identity.encrypted()).isFalse();
        assertThat(LinkCodec.decode(LinkCodec.encode(identity), HostIdentity.class))
                .isEqualTo(identity);
    }

    @Test
    void secretsAreForTheOwnerAloneAndNotInTexts() throws Exception {
        try (StateDir state = StateDir.open(temporary.resolve("node"))) {
            state.identity(identity());
        }
        Path file = temporary.resolve("node/identity.json");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        assertThat(identity().toString()).doesNotContain("very-secret");
    }

    @Test
    void aSecondNodeOnTheSameDirectoryIsRefused() throws Exception {
        try (StateDir _ = StateDir.open(temporary)) {
            assertThatThrownBy(() -> StateDir.open(temporary)).hasMessageContaining("in use by another node");
        }
    }

    @Test
    void aDamagedFileIsNamed() throws Exception {
        Files.writeString(temporary.resolve("desired.json"), "{\"revision\":");
        try (StateDir state = StateDir.open(temporary)) {
            assertThatThrownBy(state::desired).hasMessageContaining("desired.json");
        }
    }

    @Test
    void aDeltaChangesOnlyWhatItNames() {
        DesiredItem.Name web = new DesiredItem.Name("web", List.of("10.42.2.2"));
        DesiredItem.Name db = new DesiredItem.Name("db", List.of("10.42.2.3"));
        Desired first = Desired.NONE.apply(new Down.Desired(1, true, Map.of("name/web", web), List.of()));
        Desired second = first.apply(new Down.Desired(2, false, Map.of("name/db", db), List.of("name/web", "name/no")));
        assertThat(second).isEqualTo(new Desired(2, Map.of("name/db", db)));
        assertThat(second.apply(new Down.Desired(3, true, Map.of(), List.of()))).isEqualTo(new Desired(3, Map.of()));
    }
}
