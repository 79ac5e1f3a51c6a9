package dev.drover.dataplane;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * An ARP or ND entry, or an entry of a bridge's forwarding database.
 *
 * @param linkIndex of the interface; of the port for a forwarding entry
 * @param address null for a forwarding entry without a remote address
 * @param mac null while it is being resolved
 * @param state NUD_*: {@link #PERMANENT}, {@link #REACHABLE} …
 * @param flags NTF_*
 * @param master index of the bridge of a forwarding entry, else 0
 */
public record Neigh(
        int linkIndex,
        @Nullable InetAddress address,
        @Nullable Mac mac,
        int state,
        int flags,
        int master) {
    public static final int REACHABLE = 0x02;
    public static final int NO_ARP = 0x40;
    public static final int PERMANENT = 0x80;

    static Neigh parse(ByteBuffer message) {
        int body = Nl.HEADER_BYTES;
        NlAttributes attributes = NlAttributes.parse(message, body + Nl.NDMSG_BYTES);
        return new Neigh(
                message.getInt(body + 4),
                attributes.address(Nl.NDA_DST),
                attributes.mac(Nl.NDA_LLADDR),
                message.getShort(body + 8) & 0xffff,
                message.get(body + 10) & 0xff,
                attributes.u32(Nl.NDA_MASTER, 0));
    }
}
