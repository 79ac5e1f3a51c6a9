package dev.drover.lb.path;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.lb.path.ClientHello.Verdict;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import org.junit.jupiter.api.Test;

class ClientHelloTest {
    private final ClientHello hello = new ClientHello();

    /** What the TLS of the JDK sends first. */
    private static byte[] of(String serverName, String... versions) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, null, null);
        SSLEngine engine = context.createSSLEngine();
        engine.setUseClientMode(true);
        SSLParameters parameters = engine.getSSLParameters();
        if (!serverName.isEmpty()) {
            parameters.setServerNames(List.of(new SNIHostName(serverName)));
        }
        if (versions.length > 0) {
            parameters.setProtocols(versions);
        }
        engine.setSSLParameters(parameters);
        ByteBuffer out = ByteBuffer.allocate(32_768);
        engine.wrap(ByteBuffer.allocate(0), out);
        return Arrays.copyOf(out.array(), out.position());
    }

    /** The message in records of {@code size} bytes. */
    private static byte[] inRecords(byte[] record, int size) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int at = 5; at < record.length; at += size) {
            int length = Math.min(size, record.length - at);
            out.writeBytes(new byte[] {22, 3, 1, (byte) (length >> 8), (byte) length});
            out.write(record, at, length);
        }
        return out.toByteArray();
    }

    private Verdict parse(byte[] bytes, int length) {
        ByteBuf in = Unpooled.wrappedBuffer(bytes, 0, length);
        Verdict verdict = hello.parse(in);
        assertThat(in.readerIndex()).isZero();
        return verdict;
    }

    private String name() {
        return new String(
                hello.bytes(), hello.nameStart(), hello.nameEnd() - hello.nameStart(), StandardCharsets.US_ASCII);
    }

    @Test
    void the_name_is_found_as_soon_as_the_message_is_whole_and_not_before() throws Exception {
        for (String name : new String[] {"a.example", "UPPER.example", "x-1.b.example", ""}) {
            byte[] bytes = of(name);
            for (int length = 0; length < bytes.length; length++) {
                assertThat(parse(bytes, length)).as(name + " " + length).isEqualTo(Verdict.MORE);
            }
            assertThat(parse(bytes, bytes.length)).isEqualTo(Verdict.DONE);
            assertThat(name()).isEqualTo(name);
        }
        assertThat(parse(of("old.example", "TLSv1.2"), of("old.example", "TLSv1.2").length))
                .isEqualTo(Verdict.DONE);
        assertThat(name()).isEqualTo("old.example");
    }

    @Test
    void a_message_may_come_in_several_records() throws Exception {
        byte[] bytes = of("split.example");
        for (int size : new int[] {9, 40, 100, 200}) {
            byte[] split = inRecords(bytes, size);
            assertThat(parse(split, split.length - 1)).isEqualTo(Verdict.MORE);
            assertThat(parse(split, split.length)).as("records of " + size).isEqualTo(Verdict.DONE);
            assertThat(name()).isEqualTo("split.example");
        }
        byte[] dust = inRecords(bytes, 1);
        assertThat(parse(dust, dust.length)).as("too many").isEqualTo(Verdict.MALFORMED);
    }

    @Test
    void what_is_no_client_hello_is_refused_at_its_first_byte_that_tells() {
        assertThat(parse(Ascii.bytes("GET / HTTP/1.1"), 1)).isEqualTo(Verdict.MALFORMED);
        assertThat(parse(new byte[] {22, 2}, 2)).as("version").isEqualTo(Verdict.MALFORMED);
        assertThat(parse(new byte[] {22, 3, 1, 0, 0}, 5)).as("empty record").isEqualTo(Verdict.MALFORMED);
        assertThat(parse(new byte[] {22, 3, 1, 0, 9, 2}, 6))
                .as("a server's hello")
                .isEqualTo(Verdict.MALFORMED);
        assertThat(parse(new byte[] {22, 3, 1, 0, 9, 1, 0, 0x40, 1}, 9))
                .as("too long")
                .isEqualTo(Verdict.MALFORMED);
        assertThat(parse(new byte[] {22, 3, 1, 0, 4, 1, 0, 0, 0}, 9))
                .as("nothing in it")
                .isEqualTo(Verdict.MALFORMED);
    }

    /** No mutation leads outside the message, and a name that is found is one. */
    @Test
    void mutations_are_understood_or_refused() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        byte[][] seeds = {of("fuzz.example"), of(""), of("f.example", "TLSv1.2"), inRecords(of("fuzz.example"), 50)};
        for (int i = 0; i < 100_000; i++) {
            byte[] bytes = seeds[i % seeds.length].clone();
            for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
                // The lengths are near the begin and in the extensions.
                int at = random.nextBoolean() ? random.nextInt(60) : random.nextInt(bytes.length);
                bytes[at] = (byte) (random.nextBoolean() ? random.nextInt(256) : bytes[at] + random.nextInt(5) - 2);
            }
            Verdict verdict = parse(bytes, random.nextInt(8) == 0 ? random.nextInt(bytes.length) : bytes.length);
            if (verdict == Verdict.DONE) {
                assertThat(name()).as("seed " + seed + " round " + i).matches("[A-Za-z0-9._-]{0,255}");
            }
        }
    }
}
