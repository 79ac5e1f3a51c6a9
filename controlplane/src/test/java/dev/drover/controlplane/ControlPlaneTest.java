package dev.drover.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
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
    void presentsTheKeyThatNodesPin() throws Exception {
        try (ControlPlane controlPlane = start()) {
            SSLContext trusting = SSLContext.getInstance("TLS");
            trusting.init(null, new TrustManager[] {new TrustEverything()}, null);
            HttpClient client = HttpClient.newBuilder().sslContext(trusting).build();
            HttpResponse<String> response = client.send(
                    HttpRequest.newBuilder(URI.create("https://127.0.0.1:"
                                    + controlPlane.httpsAddress().getPort() + "/healthz"))
                            .timeout(Duration.ofSeconds(20))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            assertThat(response.statusCode()).isEqualTo(200);
            byte[] spki = response.sslSession()
                    .orElseThrow()
                    .getPeerCertificates()[0]
                    .getPublicKey()
                    .getEncoded();
            assertThat(Base64.getUrlEncoder()
                            .withoutPadding()
                            .encodeToString(MessageDigest.getInstance("SHA-256").digest(spki)))
                    .isEqualTo(controlPlane.spkiPin());
        }
    }

    /** The test compares the key itself, as a node does. */
    private static final class TrustEverything extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
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
