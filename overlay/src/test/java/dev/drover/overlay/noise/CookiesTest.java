package dev.drover.overlay.noise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CookiesTest {
    private static final long PERIOD = 120;
    private static final InetAddress HOST = InetAddress.ofLiteral("192.0.2.1");
    private final byte[] responder = X25519.publicKey(X25519.newPrivateKey());
    private final Cookies cookies = new Cookies(responder, PERIOD, 0);
    private final byte[] message = new HandshakeMac(responder).append(new byte[100]);

    private byte[] cookie(InetAddress address, int port, long now) throws NoiseException {
        byte[] bare = Cookies.append(message, null);
        return Cookies.open(responder, bare, cookies.reply(address, port, bare, now));
    }

    @Test
    void whoWasToldItsCookieProvesIt() throws Exception {
        byte[] proven = Cookies.append(message, cookie(HOST, 7, 0));
        assertThat(cookies.isRight(HOST, 7, proven, 0)).isTrue();
        assertThat(cookies.isRight(HOST, 8, proven, 0)).as("another port").isFalse();
        assertThat(cookies.isRight(InetAddress.ofLiteral("192.0.2.2"), 7, proven, 0))
                .isFalse();
        assertThat(cookies.isRight(HOST, 7, Cookies.append(message, null), 0)).isFalse();
        proven[3] ^= 1;
        assertThat(cookies.isRight(HOST, 7, proven, 0)).as("another message").isFalse();
    }

    @Test
    void aCookieIsGoodForTwoPeriodsAtMost() throws Exception {
        byte[] proven = Cookies.append(message, cookie(HOST, 7, 0));
        assertThat(cookies.isRight(HOST, 7, proven, PERIOD)).isTrue();
        assertThat(cookies.isRight(HOST, 7, proven, 2 * PERIOD)).isFalse();
        byte[] later = Cookies.append(message, cookie(HOST, 7, 2 * PERIOD));
        assertThat(cookies.isRight(HOST, 7, later, 9 * PERIOD)).isFalse();
    }

    @Test
    void onlyWhoAskedOpensTheReply() throws Exception {
        byte[] asked = Cookies.append(message, null);
        byte[] reply = cookies.reply(HOST, 7, asked, 0);
        assertThat(Cookies.isReply(reply)).isTrue();
        byte[] other = Cookies.append(new HandshakeMac(responder).append(new byte[101]), null);
        assertThatThrownBy(() -> Cookies.open(responder, other, reply)).isInstanceOf(NoiseException.class);
        Random random = new Random(3);
        for (int i = 0; i < 200; i++) {
            byte[] changed = reply.clone();
            changed[4 + random.nextInt(changed.length - 4)] ^= (byte) (1 << random.nextInt(8));
            assertThatThrownBy(() -> Cookies.open(responder, asked, changed)).isInstanceOf(NoiseException.class);
        }
        assertThat(Cookies.isReply(Arrays.copyOf(reply, reply.length - 1))).isFalse();
        assertThat(reply).hasSizeLessThan(asked.length);
    }
}
