package dev.drover.dns.path;

import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.TextParseException;

/**
 * How a question is answered and why; found by the very code that answers it.
 *
 * @param view of the client, null when it sees what everybody sees
 * @param owner the name that was found, relative to the zone; empty for none
 * @param rcode null when it is an upstream's to say
 * @param answer records in the text form of RFC 1035; of an alias that leads to an upstream, what we know of it
 * @param authority the same
 * @param additional the same, without EDNS
 * @param upstream name that an upstream is asked for, null for none
 */
public record Explanation(
        @Nullable String view,
        Rule rule,
        String owner,
        @Nullable String rcode,
        List<String> answer,
        List<String> authority,
        List<String> additional,
        @Nullable String upstream) {

    /**
     * Asks nobody.
     *
     * @param name with or without final dot
     * @param type number of a record type
     * @throws IllegalArgumentException when it is no DNS name
     */
    public static Explanation of(Serving serving, String name, int type, InetAddress client) {
        Name asked;
        try {
            asked = Name.fromString(name, Name.root);
        } catch (TextParseException e) {
            throw new IllegalArgumentException("name: " + name + " (expected: a DNS name)", e);
        }
        Message message = Message.newQuery(Record.newRecord(asked, type, DClass.IN));
        Query query = Query.parse(Unpooled.wrappedBuffer(message.toWire()));
        Zone zone = serving.zone();
        ClientView view = zone.viewOf(client);
        Lookup lookup = new Lookup();
        byte[] wire = asked.toWire();
        var bytes = Unpooled.wrappedBuffer(wire);
        lookup.read(bytes, 0, wire.length);
        lookup.find(bytes, zone, view);
        boolean reverse = lookup.rule == Rule.FORWARD && zone.reverse.find(asked) != null;
        Rule rule = reverse ? Rule.REVERSE : lookup.rule;
        String seenAs = view == null ? null : view.name;
        String owner = lookup.node.owner();
        return switch (Responder.respond(query, serving, Via.TCP, client)) {
            case Answer.Forward _ ->
                new Explanation(seenAs, rule, owner, null, List.of(), List.of(), List.of(), asked.toString());
            case Answer.Follow follow ->
                new Explanation(
                        seenAs,
                        rule,
                        owner,
                        null,
                        texts(follow.chain()),
                        List.of(),
                        List.of(),
                        follow.target().name.toString());
            case Answer.Done done -> {
                Message reply = message(done.reply());
                yield new Explanation(
                        seenAs,
                        rule,
                        owner,
                        done.reply().rcode().name(),
                        texts(reply.getSection(Section.ANSWER)),
                        texts(reply.getSection(Section.AUTHORITY)),
                        texts(reply.getSection(Section.ADDITIONAL)),
                        null);
            }
        };
    }

    private static Message message(Reply reply) {
        try {
            return new Message(ByteBufUtil.getBytes(reply.message()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            reply.message().release();
        }
    }

    private static List<String> texts(List<Record> records) {
        return records.stream()
                .map(record -> record.toString().replaceAll("\\s+", " "))
                .toList();
    }
}
