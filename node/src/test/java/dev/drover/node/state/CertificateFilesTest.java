package dev.drover.node.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.lb.TlsConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CertificateFilesTest {
    @TempDir
    Path directory;

    @Test
    void filesAreTheirOwnersOnlyAndGoWithTheirCertificate() throws Exception {
        CertificateFiles files = new CertificateFiles(directory.resolve("certificates"));
        DesiredItem.Certificate old = new DesiredItem.Certificate("web", "chain", "secret");
        DesiredItem.Certificate next = new DesiredItem.Certificate("web", "chain", "another");
        files.write(List.of(old));
        TlsConfig.Certificate first = files.of(old);
        assertThat(first.certificate()).hasContent("chain");
        assertThat(first.key()).hasContent("secret");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(first.key())))
                .isEqualTo("rw-------");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(files.directory())))
                .isEqualTo("rwx------");
        files.write(List.of(next));
        assertThat(files.of(next)).as("another pair is other files").isNotEqualTo(first);
        assertThat(first.key()).as("until nobody reads it").exists();
        files.keepOnly(List.of(next));
        assertThat(first.key()).doesNotExist();
        assertThat(files.of(next).key()).hasContent("another");
        assertThatThrownBy(() -> files.of(new DesiredItem.Certificate("../x", "", "")))
                .hasMessage("certificate: ../x (expected: a name)");
    }
}
