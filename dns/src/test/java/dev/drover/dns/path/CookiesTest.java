package dev.drover.dns.path;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dns.wire.Rcode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;
import org.xbill.DNS.Type;

/** Server cookies against the test vectors of RFC 9018, and what arrives as a cookie. */
final class CookiesTest {
    private static final HexFormat HEX = HexFormat.of();

    private static byte[] hex(String text) {
        return HEX.parseHex(text);
    }

    @Test
    void sipHashGivesTheValueOfItsPaper() {
        byte[] bytes = new byte[16];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) i;
        }
        assertThat(new SipHash(bytes).hash(bytes, 15)).isEqualTo(0xa129ca6149be45e5L);
    }

    /** RFC 9018 appendix A.1. */
    @Test
    void aNewCookieIsThatOfTheStandard() {
        Cookies cookies = new Cookies(hex("e5e973e5a6b2a43f48e7dc849e37bfcf"));
        byte[] cookie = cookies.answer(hex("2464c4abcf10c957"), InetAddress.ofLiteral("198.51.100.100"), 1559731985);
        assertThat(HEX.formatHex(cookie)).isEqualTo("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
    }

    @Test
    void aCookieIsGoodForItsClientForAnHour() {
        Cookies cookies = Cookies.random();
        InetAddress client = InetAddress.ofLiteral("fd00::7");
        byte[] cookie = cookies.answer(new byte[] {1, 2, 3, 4, 5, 6, 7, 8}, client, 1_000_000);
        assertThat(cookies.isOurs(cookie, client, 1_000_000)).isTrue();
        assertThat(cookies.isOurs(cookie, client, 1_003_600)).isTrue();
        assertThat(cookies.isOurs(cookie, client, 1_003_601)).isFalse();
        assertThat(cookies.isOurs(cookie, client, 999_700)).isTrue();
        assertThat(cookies.isOurs(cookie, client, 999_699)).isFalse();
        assertThat(cookies.isOurs(cookie, InetAddress.ofLiteral("fd00::8"), 1_000_000))
                .isFalse();
        assertThat(Cookies.random().isOurs(cookie, client, 1_000_000)).isFalse();
        assertThat(cookies.isOurs(Arrays.copyOf(cookie, 8), client, 1_000_000)).isFalse();
        for (int i = 0; i < cookie.length; i++) {
            byte[] changed = cookie.clone();
            changed[i] ^= 1;
            assertThat(cookies.isOurs(changed, client, 1_000_000))
                    .as("byte %d", i)
                    .isFalse();
        }
    }

    /** Whatever stands in OPT: parsed without harm, and a reply whose OPT is as long as was said. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void anyOptionsDoNoHarm(long seed) {
        Random random = new Random(seed);
        Cookies cookies = Cookies.random();
        InetAddress client = InetAddress.ofLiteral("192.0.2.7");
        Message query = Message.newQuery(Record.newRecord(Name.fromConstantString("web1."), Type.A, DClass.IN));
        byte[] start = query.toWire();
        int answered = 0;
        for (int round = 0; round < 20_000; round++) {
            ByteBuf message = Unpooled.buffer().writeBytes(start);
            message.setShort(10, 1);
            ByteBuf options = Unpooled.buffer();
            for (int i = random.nextInt(4); i > 0; i--) {
                int length = random.nextInt(3) == 0 ? random.nextInt(50) : 8 * random.nextInt(6);
                byte[] data = new byte[length];
                random.nextBytes(data);
                int claimed = random.nextInt(20) == 0 ? random.nextInt(70) : length;
                options.writeShort(8 + random.nextInt(5)).writeShort(claimed).writeBytes(data);
            }
            message.writeByte(0)
                    .writeShort(41)
                    .writeShort(random.nextInt(1 << 16))
                    .writeInt(0);
            message.writeShort(options.readableBytes()).writeBytes(options);
            Query parsed = Query.parse(message);
            if (parsed.verdict == Query.Verdict.ANSWER) {
                answered++;
                parsed.keepConnection(10_000);
                if (parsed.cookie != null) {
                    cookies.isOurs(parsed.cookie, client, 0);
                    parsed.replyCookie(cookies.answer(parsed.cookie, client, 0));
                }
                ByteBuf opt = Unpooled.buffer();
                parsed.writeOpt(opt, Rcode.NOERROR, null);
                assertThat(opt.readableBytes()).isEqualTo(parsed.optBytes(null));
                assertThat(opt.getUnsignedShort(9)).isEqualTo(opt.readableBytes() - 11);
            } else {
                assertThat(parsed.verdict).isEqualTo(Query.Verdict.FORMERR);
            }
        }
        assertThat(answered).isGreaterThan(1_000);
    }
}
