package dev.drover.node.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.node.state.PrivateKeyFile;
import dev.drover.overlay.Encryption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class EncryptionFileTest {
    @TempDir
    Path directory;

    private final String peer = Encryption.generate().publicKey().toString();
    private Encryption own;

    @BeforeEach
    void key() {
        own = PrivateKeyFile.create(directory.resolve("key"));
    }

    private NodeFile read(String peers) throws Exception {
        Path file = directory.resolve("node.yaml");
        Files.writeString(
                file,
                "overlay:\n  vni: 42\n  vtep: 192.0.2.1\n  encryption: { private-key-file: key }\n  peers:\n" + peers);
        return NodeFileParser.read(file);
    }

    @Test
    void theKeyIsReadFromBesideTheFile() throws Exception {
        NodeFile file = read("    - { vtep: 192.0.2.2, subnets: [10.42.2.0/24], public-key: " + peer + " }\n");
        assertThat(file.overlay().encryption()).isEqualTo(own);
        assertThat(file.overlay().peers().getFirst().key()).hasToString(peer);
        assertThat(file.overlay().toString()).doesNotContain(own.privateText());
    }

    @Test
    void whatEveryPeerNeedsIsAskedForWithItsLine() {
        assertThatThrownBy(() -> read("    - { vtep: 192.0.2.2, subnets: [10.42.2.0/24] }\n"))
                .hasMessageContaining("node.yaml:6: overlay.peers[0]: public-key is missing (expected: a value)");
        assertThatThrownBy(() -> read("    - { vtep: 192.0.2.2, public-key: " + peer + " }\n"))
                .hasMessageContaining("node.yaml:6: overlay.peers[0]: subnets is missing");
        assertThatThrownBy(() -> read(
                        "    - { vtep: 192.0.2.2, subnets: [10.42.2.0/24], public-key: " + own.publicKey() + " }\n"))
                .hasMessageContaining("is another host's (expected: a key of its own for each host)");
    }

    @Test
    void aKeyThatOthersCanReadIsRefused() throws Exception {
        Files.setPosixFilePermissions(directory.resolve("key"), PosixFilePermissions.fromString("rw-r-----"));
        assertThatThrownBy(() -> read("    []\n"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("node.yaml:4: overlay.encryption.private-key-file: ")
                .hasMessageContaining("has mode rw-r----- (expected: readable by its owner only, chmod 600)");
    }

    @Test
    void aDamagedKeyIsRefusedWithoutBeingShown() throws Exception {
        Files.writeString(directory.resolve("key"), own.privateText().substring(1));
        assertThatThrownBy(() -> read("    []\n"))
                .hasMessageContaining("private-key: not shown")
                .message()
                .doesNotContain(own.privateText().substring(1));
    }

    @Test
    void aKeyIsNeverReplaced() throws Exception {
        Path key = directory.resolve("key");
        String before = Files.readString(key);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(key)))
                .isEqualTo("rw-------");
        assertThatThrownBy(() -> PrivateKeyFile.create(key))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(key + " exists (expected: a new file, a key is never replaced)");
        assertThat(Files.readString(key)).isEqualTo(before);
    }
}
