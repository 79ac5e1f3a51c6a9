package dev.drover.dns.path;

import dev.drover.dns.wire.QueryType;
import dev.drover.dns.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.xbill.DNS.DClass;

/** Addresses of one family of one name; every answer starts one further than the one before, whoever asks. */
final class Rotation {
    static final Rotation NONE = new Rotation(List.of(), 0);

    /** Owner as a pointer to the question's name, which follows the header (RFC 1035 section 4.1.4). */
    private static final int OWNER = 0xc000 | Wire.HEADER;

    private final InetAddress[] addresses;
    private final byte[] records;
    private final AtomicInteger turn;

    Rotation(List<InetAddress> addresses, int ttlSeconds) {
        this.addresses = addresses.toArray(InetAddress[]::new);
        records = records(addresses, ttlSeconds);
        // A random start keeps frequent reloads from sending everybody to the first address.
        this.turn = new AtomicInteger(ThreadLocalRandom.current().nextInt(Math.max(1, addresses.size())));
    }

    int size() {
        return addresses.length;
    }

    /** Start index of the next answer. */
    int turn() {
        return Math.floorMod(turn.getAndIncrement(), addresses.length);
    }

    InetAddress at(int index) {
        return addresses[index % addresses.length];
    }

    /** Bytes that {@link #append} appends. */
    int bytes() {
        return records.length;
    }

    /** Appends the records as they stand in a reply, that of index {@code turn} first. */
    void append(ByteBuf reply, int turn) {
        int from = records.length / addresses.length * turn;
        Wire.append(reply, records, from, records.length - from);
        Wire.append(reply, records, 0, from);
    }

    private static byte[] records(List<InetAddress> addresses, int ttlSeconds) {
        ByteBuf records = Unpooled.buffer();
        for (InetAddress address : addresses) {
            byte[] bytes = address.getAddress();
            records.writeShort(OWNER)
                    .writeShort(address instanceof Inet4Address ? QueryType.TYPE_A : QueryType.TYPE_AAAA)
                    .writeShort(DClass.IN)
                    .writeInt(ttlSeconds)
                    .writeShort(bytes.length)
                    .writeBytes(bytes);
        }
        return ByteBufUtil.getBytes(records);
    }
}
