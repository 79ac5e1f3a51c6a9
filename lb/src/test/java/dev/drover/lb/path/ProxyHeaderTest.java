package dev.drover.lb.path;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProxyHeaderTest {
    private static final String SIGNATURE = "0d0a0d0a000d0a515549540a";
    private static final String FOUR = "c0000201" + "c6336402" + "d903" + "01bb";

    private static ByteBuf text(String line) {
        return Unpooled.copiedBuffer(line, StandardCharsets.ISO_8859_1);
    }

    private static ByteBuf hex(String bytes) {
        return Unpooled.wrappedBuffer(HexFormat.of().parseHex(bytes));
    }

    private static String parsed(ByteBuf in) {
        ProxyHeader header = new ProxyHeader();
        ProxyHeader.Result result = header.parse(in);
        return result != ProxyHeader.Result.DONE
                ? result.name()
                : header.client() + " " + header.local() + " +" + in.readableBytes();
    }

    @Test
    void version_1() {
        assertThat(parsed(text("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nGET")))
                .isEqualTo("/192.0.2.1:56324 /198.51.100.2:443 +3");
        assertThat(parsed(text("PROXY TCP6 2001:db8::1 2001:DB8:0:0:0:0:0:2 0 65535\r\n")))
                .isEqualTo("/[2001:db8:0:0:0:0:0:1]:0 /[2001:db8:0:0:0:0:0:2]:65535 +0");
        assertThat(parsed(text("PROXY UNKNOWN\r\n"))).isEqualTo("null null +0");
        assertThat(parsed(text("PROXY UNKNOWN ffff:f...f 1 2 3\r\nx"))).isEqualTo("null null +1");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET / HTTP/1.1\r\n",
                "PROXY\r\n",
                "proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
                "PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
                "PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n",
                "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n",
                "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n",
                "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n",
                "PROXY TCP4 192.0.2.01 198.51.100.2 1 2\r\n",
                "PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n",
                "PROXY TCP4 192.0.2 198.51.100.2 1 2\r\n",
                "PROXY TCP4 192.0.2.1.1 198.51.100.2 1 2\r\n",
                "PROXY TCP4 host 198.51.100.2 1 2\r\n",
                "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n",
                "PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n",
                "PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n",
                "PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n",
                "PROXY TCP4 192.0.2.1 198.51.100.2  2\r\n",
                "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
                "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n",
                "PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n",
                "PROXY TCP6 fe80::1%lo ::1 1 2\r\n",
                "PROXY TCP6 1::2::3 ::1 1 2\r\n",
                "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n",
                "PROXY UNKNOWNX\r\n"
            })
    void malformed_version_1(String line) {
        assertThat(parsed(text(line))).isEqualTo("MALFORMED");
    }

    @Test
    void a_line_that_does_not_end_is_malformed() {
        assertThat(parsed(text("PROXY UNKNOWN " + "x".repeat(92)))).isEqualTo("MORE");
        assertThat(parsed(text("PROXY UNKNOWN " + "x".repeat(93)))).isEqualTo("MALFORMED");
        assertThat(parsed(text("PROXY UNKNOWN " + "x".repeat(93) + "\r\n"))).isEqualTo("MALFORMED");
    }

    @Test
    void version_2() {
        assertThat(parsed(hex(SIGNATURE + "2111000c" + FOUR + "474554")))
                .isEqualTo("/192.0.2.1:55555 /198.51.100.2:443 +3");
        assertThat(parsed(hex(SIGNATURE + "21210024" + "20010db8" + "00".repeat(11) + "01" + "20010db8"
                        + "00".repeat(11) + "02" + "0001" + "0002")))
                .isEqualTo("/[2001:db8:0:0:0:0:0:1]:1 /[2001:db8:0:0:0:0:0:2]:2 +0");
        assertThat(parsed(hex(SIGNATURE + "20000000" + "aa"))).as("LOCAL").isEqualTo("null null +1");
        assertThat(parsed(hex(SIGNATURE + "20110003" + "010203"))).as("LOCAL").isEqualTo("null null +0");
        assertThat(parsed(hex(SIGNATURE + "21000000"))).as("UNSPEC").isEqualTo("null null +0");
        assertThat(parsed(hex(SIGNATURE + "21110011" + FOUR + "0400020000")))
                .as("NOOP")
                .isEqualTo("/192.0.2.1:55555 /198.51.100.2:443 +0");
    }

    @Test
    void the_checksum_of_version_2_is_checked() {
        byte[] header = HexFormat.of().parseHex(SIGNATURE + "21110013" + FOUR + "030004" + "00000000");
        CRC32C crc = new CRC32C();
        crc.update(header);
        String sum = HexFormat.of().toHexDigits((int) crc.getValue());
        assertThat(parsed(hex(SIGNATURE + "21110013" + FOUR + "030004" + sum)))
                .isEqualTo("/192.0.2.1:55555 /198.51.100.2:443 +0");
        assertThat(parsed(hex(SIGNATURE + "21110013" + FOUR + "030004" + "00000001")))
                .isEqualTo("MALFORMED");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0d0a0d0a000d0a515549540b",
                SIGNATURE + "1111000c" + FOUR,
                SIGNATURE + "2211000c" + FOUR,
                SIGNATURE + "2112000c" + FOUR,
                SIGNATURE + "2141000c" + FOUR,
                SIGNATURE + "2111000b" + FOUR,
                SIGNATURE + "21210023" + "00",
                SIGNATURE + "2111ffff" + FOUR,
                SIGNATURE + "2111000d" + FOUR + "04",
                SIGNATURE + "2111000f" + FOUR + "040001",
                SIGNATURE + "21110010" + FOUR + "03000100"
            })
    void malformed_version_2(String bytes) {
        assertThat(parsed(hex(bytes))).isEqualTo("MALFORMED");
    }

    @Test
    void in_pieces_it_is_the_same() {
        for (ByteBuf whole : new ByteBuf[] {
            text("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"), hex(SIGNATURE + "21110011" + FOUR + "0400020000")
        }) {
            for (int i = 1; i < whole.readableBytes(); i++) {
                assertThat(parsed(whole.slice(0, i))).isEqualTo("MORE");
            }
            assertThat(parsed(whole)).startsWith("/192.0.2.1:");
        }
    }

    /** Never throws, never reads beyond its header, and what it says of a piece it never takes back. */
    @Test
    void random_bytes_and_mutations() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        byte[][] good = {
            "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nx".getBytes(StandardCharsets.US_ASCII),
            "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\nx".getBytes(StandardCharsets.US_ASCII),
            HexFormat.of().parseHex(SIGNATURE + "21110011" + FOUR + "0400020000" + "78")
        };
        for (int round = 0; round < 200_000; round++) {
            byte[] bytes = good[random.nextInt(good.length)].clone();
            for (int i = random.nextInt(4); i >= 0; i--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            }
            int cut = 1 + random.nextInt(bytes.length);
            ByteBuf in = Unpooled.wrappedBuffer(bytes);
            ProxyHeader.Result piece = new ProxyHeader().parse(in.slice(0, cut));
            ProxyHeader.Result whole = new ProxyHeader().parse(in);
            if (piece != ProxyHeader.Result.MORE) {
                assertThat(whole).as("seed %d round %d", seed, round).isEqualTo(piece);
            }
        }
    }
}
