package dev.drover.dns.resolve;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Questions that nobody but us asks: {@code <16 hex digits>.drover-loop.invalid. TXT}. One that comes in was sent to an
 * upstream that, perhaps over others, forwards to us. Every upstream is sent one when it is asked first, and at most one a
 * minute while it is in use. Any lane may call it.
 */
public final class LoopProbes {
    private static final int MAX = 256;
    private static final int TOKEN_LENGTH = 16;
    /** Behind the token: labels of this server, root, TXT, IN. */
    private static final byte[] REST =
            "\u000bdrover-loop\u0007invalid\0\0\u0010\0\u0001".getBytes(StandardCharsets.ISO_8859_1);

    private final ConcurrentHashMap<String, Upstream> sent = new ConcurrentHashMap<>();

    Question probe(Upstream upstream, long token) {
        String text = HexFormat.of().toHexDigits(token);
        if (sent.size() >= MAX) {
            sent.clear();
        }
        sent.put(text, upstream);
        byte[] question = new byte[1 + TOKEN_LENGTH + REST.length];
        question[0] = TOKEN_LENGTH;
        System.arraycopy(text.getBytes(StandardCharsets.US_ASCII), 0, question, 1, TOKEN_LENGTH);
        System.arraycopy(REST, 0, question, 1 + TOKEN_LENGTH, REST.length);
        return new Question(question, false, false);
    }

    /** Whether {@code question} is a probe of ours; the upstream that brought it back is not asked for a while. */
    public boolean isProbe(Question question, long nowNs) {
        byte[] bytes = question.bytes;
        if (bytes.length != 1 + TOKEN_LENGTH + REST.length || bytes[0] != TOKEN_LENGTH) {
            return false;
        }
        for (int i = 0; i < REST.length; i++) {
            if (bytes[1 + TOKEN_LENGTH + i] != REST[i]) {
                return false;
            }
        }
        Upstream upstream = sentTo(bytes);
        if (upstream == null) {
            return false;
        }
        upstream.looped(nowNs);
        return true;
    }

    private @Nullable Upstream sentTo(byte[] question) {
        return sent.get(new String(question, 1, TOKEN_LENGTH, StandardCharsets.US_ASCII));
    }
}
