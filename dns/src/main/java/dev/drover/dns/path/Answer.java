package dev.drover.dns.path;

import dev.drover.dns.wire.Rcode;
import io.netty.buffer.ByteBufUtil;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;

/** What the zone has to say to a query. */
sealed interface Answer {
    /** All there is. */
    record Done(Reply reply) implements Answer {}

    /** Nothing: the name is not ours. */
    record Forward() implements Answer {}

    /**
     * An alias whose target is not ours.
     *
     * @param chain CNAME records from the name asked for to the target
     * @param target the question that remains, for an upstream
     */
    record Follow(Query query, boolean recursion, int limit, List<Record> chain, Query target) implements Answer {

        /** The reply to the whole from the one to what remained, which is released. */
        Reply complete(Reply rest) {
            Message message;
            try {
                message = new Message(ByteBufUtil.getBytes(rest.message()));
            } catch (IOException e) {
                return Reply.empty(query, Rcode.SERVFAIL, recursion);
            } finally {
                rest.message().release();
            }
            List<Record> answer = new ArrayList<>(chain);
            answer.addAll(message.getSection(Section.ANSWER));
            Rcode rcode = rest.rcode() == Rcode.OTHER ? Rcode.SERVFAIL : rest.rcode();
            return new ReplyBuilder(query, rcode, recursion)
                    .answer(answer)
                    .authority(message.getSection(Section.AUTHORITY))
                    .truncated(message.getHeader().getFlag(Flags.TC))
                    .fit(limit);
        }
    }
}
