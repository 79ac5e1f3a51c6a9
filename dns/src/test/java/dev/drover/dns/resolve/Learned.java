package dev.drover.dns.resolve;

import dev.drover.dns.wire.Wire;
import io.netty.buffer.Unpooled;
import java.util.Arrays;
import org.xbill.DNS.Message;

/** Fills caches as upstreams do. */
public final class Learned {
    private Learned() {}

    /** Keeps what an upstream says to a question with and without DO and CD. */
    public static void put(AnswerCache cache, Message reply, long nowNs) {
        byte[] wire = reply.toWire();
        byte[] asked = Arrays.copyOfRange(
                wire, Wire.HEADER, Wire.HEADER + reply.getQuestion().getName().length() + 4);
        for (int kind = 0; kind < 4; kind++) {
            Question question = new Question(asked, (kind & 1) != 0, (kind & 2) != 0);
            cache.store(AnswerReader.read(question, Unpooled.wrappedBuffer(wire), cache.policy(), nowNs));
        }
    }
}
