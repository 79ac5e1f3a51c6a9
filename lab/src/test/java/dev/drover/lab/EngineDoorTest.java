package dev.drover.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(20)
class EngineDoorTest {
    @TempDir
    private Path dir;

    private ServerSocketChannel engine;
    private EngineDoor door;

    @BeforeEach
    void startEcho() throws IOException {
        Path socket = dir.resolve("engine.sock");
        engine = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(socket));
        Thread.ofVirtual().start(this::echoAll);
        door = EngineDoor.open(dir.resolve("door.sock"), socket);
    }

    @AfterEach
    void stop() throws IOException {
        door.close();
        engine.close();
    }

    @Test
    void carriesBytesAndTheEndOfTheStreamBothWays() throws IOException {
        try (SocketChannel client = connect()) {
            assertThat(exchange(client, "hello")).isEqualTo("hello");
            client.shutdownOutput();
            assertThat(client.read(ByteBuffer.allocate(1))).isEqualTo(-1);
        }
    }

    @Test
    void aCutBreaksWhatIsConnectedAndRefusesWhatIsNew() throws IOException {
        try (SocketChannel client = connect()) {
            assertThat(exchange(client, "hello")).isEqualTo("hello");
            door.cut();
            assertThat(ended(client)).isTrue();
        }
        assertThatThrownBy(this::connect).isInstanceOf(IOException.class);
    }

    @Test
    void letsThroughAgainAfterACut() throws IOException {
        door.cut();
        door.restore();
        try (SocketChannel client = connect()) {
            assertThat(exchange(client, "again")).isEqualTo("again");
        }
    }

    private SocketChannel connect() throws IOException {
        return SocketChannel.open(UnixDomainSocketAddress.of(door.socket()));
    }

    private static boolean ended(SocketChannel client) {
        try {
            return client.read(ByteBuffer.allocate(1)) < 0;
        } catch (IOException e) {
            return true;
        }
    }

    private static String exchange(SocketChannel client, String text) throws IOException {
        client.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
        ByteBuffer answer = ByteBuffer.allocate(text.length());
        while (answer.hasRemaining() && client.read(answer) >= 0) {}
        return new String(answer.array(), StandardCharsets.UTF_8);
    }

    private void echoAll() {
        while (true) {
            try {
                SocketChannel client = engine.accept();
                Thread.ofVirtual().start(() -> echo(client));
            } catch (IOException e) {
                return;
            }
        }
    }

    private static void echo(SocketChannel client) {
        try (client) {
            ByteBuffer buffer = ByteBuffer.allocate(64);
            while (client.read(buffer) >= 0) {
                client.write(buffer.flip());
                buffer.clear();
            }
        } catch (IOException e) {
            // The door was cut.
        }
    }
}
