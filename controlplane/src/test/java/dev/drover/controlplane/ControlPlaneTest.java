package dev.drover.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ControlPlaneTest {
    private static final InetSocketAddress ANY = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    @TempDir
    Path directory;

    private ControlPlane start() {
        return ControlPlane.start(new ServerConfig(directory.resolve("state"), ANY, ANY));
    }

    @Test
    void showsTheAdminPasswordAtTheFirstStartOnlyAndKeepsWhatWasStored() {
        String password;
        try (ControlPlane first = start()) {
            password = first.adminPassword().orElseThrow();
            assertThat(password).hasSizeGreaterThanOrEqualTo(20);
            Client admin = Client.login(first, password);
            assertThat(admin.post("/v1/environments", Map.of("name", "test")).status())
                    .isEqualTo(201);
        }
        try (ControlPlane second = start()) {
            assertThat(second.adminPassword()).isEmpty();
            Client admin = Client.login(second, password);
            assertThat(admin.get("/v1/environments/test").json().path("subnet").asText())
                    .isEqualTo("10.42.0.0/16");
        }
    }

    @Test
    void playsTheWalkThroughOfTheApi() {
        try (ControlPlane controlPlane = start()) {
            Client admin =
                    Client.login(controlPlane, controlPlane.adminPassword().orElseThrow());
            admin.post("/v1/environments", Map.of("name", "test"));
            String joinToken = admin.post("/v1/environments/test/join-tokens", null)
                    .json()
                    .path("token")
                    .asText();
            Client.Answer joined = new Client(controlPlane.uiAddress(), "")
                    .post(
                            "/v1/join",
                            Map.of(
                                    "token", joinToken,
                                    "hostName", "h1",
                                    "machineId", "m1",
                                    "vtep", "192.0.2.11",
                                    "labels", Map.of()));
            assertThat(joined.status()).isEqualTo(200);
            assertThat(joined.json().path("identity").path("block").asText()).isEqualTo("10.42.0.0/24");
            Client.Answer stack = admin.post(
                    "/v1/environments/test/stacks",
                    Map.of("name", "hello", "compose", "web:\n  image: busybox\n  command: sleep 100\n"));
            assertThat(stack.status()).as(stack.raw().body()).isEqualTo(201);
            assertThat(admin.get("/v1/environments/test/hosts")
                            .json()
                            .get(0)
                            .path("state")
                            .asText())
                    .isEqualTo("disconnected");
            assertThat(admin.get("/v1/environments/test/stacks/hello/services/web")
                            .json()
                            .path("scale")
                            .asInt())
                    .isEqualTo(1);
            assertThat(admin.get("/v1/environments/test/services").json()).hasSize(1);
            assertThat(admin.get("/v1/environments/test/containers").json()).isEmpty();
        }
    }

    @Test
    void refusesASecondServerOnTheSameState() {
        try (ControlPlane first = start()) {
            assertThat(first.httpsAddress().getPort()).isPositive();
            assertThatThrownBy(this::start)
                    .hasMessageContaining("is in use by a server")
                    .hasMessageContaining("--state-dir");
        }
    }

    @Test
    void namesThePortThatIsTakenAndKeepsTheAdminPasswordForTheNextStart() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            InetSocketAddress address = (InetSocketAddress) taken.getLocalSocketAddress();
            assertThatThrownBy(() -> ControlPlane.start(new ServerConfig(directory.resolve("state"), address, ANY)))
                    .hasMessageContaining(":" + address.getPort())
                    .hasMessageContaining("cannot be bound");
        }
        try (ControlPlane controlPlane = start()) {
            assertThat(controlPlane.adminPassword()).isPresent();
        }
    }

    @Test
    void refusesAPlainPortBeyondLoopback() {
        assertThatThrownBy(() -> new ServerConfig(directory, ANY, new InetSocketAddress("192.0.2.1", 8080)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("loopback");
    }

    @Test
    void keepsTheKeyOfTheServerReadableForItsOwnerOnly() throws Exception {
        String pin;
        try (ControlPlane first = start()) {
            pin = first.spkiPin();
        }
        assertThat(Files.getPosixFilePermissions(directory.resolve("state/server.key")))
                .hasSize(2);
        assertThat(Files.getPosixFilePermissions(directory.resolve("state"))).hasSize(3);
        try (ControlPlane second = start()) {
            assertThat(second.spkiPin()).isEqualTo(pin);
        }
        Files.write(directory.resolve("state/server.key"), List.of("not a key"));
        assertThatThrownBy(this::start).hasMessageContaining("server.key").hasMessageContaining("restore it");
    }
}
