package dev.drover.overlay;

import dev.drover.overlay.noise.Cookies;
import java.net.InetAddress;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;

/**
 * Which initiations are worth four multiplications on the curve. All have the code of somebody who knows this host's public
 * key, from the address of a peer; but addresses can be forged. So many are let in as they come; above that, of a peer or
 * in all, only those whose sender has shown by a cookie that it receives at its address: one who has not is told one,
 * unless this too would be too much. Owned by the overlay's control thread.
 */
final class HandshakeGate {
    /** Of all peers, without a cookie: those of an environment that begins at once have to wait for one. */
    private static final int FREE_BURST = 128;

    private static final int FREE_PER_SECOND = 64;
    /** Of all peers, with a cookie. */
    private static final int PROVEN_BURST = 256;

    private static final int PROVEN_PER_SECOND = 256;
    /** Of all peers. */
    private static final int REPLIES_BURST = 256;

    private static final int REPLIES_PER_SECOND = 1_024;
    /** Of those addresses and ports that fall together. */
    private static final int SOURCE_BURST = 4;

    private static final int SOURCE_PER_SECOND = 4;
    private static final int SOURCE_BITS = 10;
    private static final long SECOND_NS = Duration.ofSeconds(1).toNanos();

    /** WireGuard's. */
    private static final long COOKIE_PERIOD_NS = Duration.ofMinutes(2).toNanos();

    private final Cookies cookies;
    private final TokenBucket free;
    private final TokenBucket proven;
    private final TokenBucket replies;
    private final TokenBucket[] sources = new TokenBucket[1 << SOURCE_BITS];
    /** So that nobody knows which sources fall together. */
    private final int salt;

    /** @param ownPublic key of this host */
    HandshakeGate(byte[] ownPublic, long nowNs) {
        cookies = new Cookies(ownPublic, COOKIE_PERIOD_NS, nowNs);
        free = new TokenBucket(FREE_BURST, FREE_PER_SECOND, SECOND_NS, nowNs);
        proven = new TokenBucket(PROVEN_BURST, PROVEN_PER_SECOND, SECOND_NS, nowNs);
        replies = new TokenBucket(REPLIES_BURST, REPLIES_PER_SECOND, SECOND_NS, nowNs);
        for (int i = 0; i < sources.length; i++) {
            sources[i] = new TokenBucket(SOURCE_BURST, SOURCE_PER_SECOND, SECOND_NS, nowNs);
        }
        salt = ThreadLocalRandom.current().nextInt();
    }

    /**
     * Whether an initiation with the right mac1 is to be looked at.
     *
     * @param port that it came from
     * @param reply sends what it is given to the sender's host
     */
    boolean admits(Partner partner, int port, byte[] initiation, long nowNs, Consumer<byte[]> reply) {
        InetAddress address = partner.path.vtep();
        if (cookies.isRight(address, port, initiation, nowNs)) {
            return partner.proven.take(nowNs) && proven.take(nowNs);
        }
        if (partner.free.take(nowNs) && free.take(nowNs)) {
            return true;
        }
        if (source(address, port).take(nowNs) && replies.take(nowNs)) {
            reply.accept(cookies.reply(address, port, initiation, nowNs));
        }
        return false;
    }

    private TokenBucket source(InetAddress address, int port) {
        int hash = (address.hashCode() * 31 + port ^ salt) * 0x9e3779b9;
        return sources[hash >>> Integer.SIZE - SOURCE_BITS];
    }
}
