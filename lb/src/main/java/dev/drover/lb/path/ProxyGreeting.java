package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.HexFormat;

/** Version of the PROXY protocol by which targets are told whose connection they get; the header {@link ProxyHeader} reads. */
public enum ProxyGreeting {
    /** A line of text. */
    V1 {
        @Override
        void write(ByteBuf out, InetSocketAddress client, InetSocketAddress local) {
            String family = client.getAddress() instanceof Inet4Address ? "TCP4 " : "TCP6 ";
            out.writeBytes(Ascii.bytes("PROXY " + family + text(client.getAddress()) + " " + text(local.getAddress())
                    + " " + client.getPort() + " " + local.getPort() + "\r\n"));
        }
    },
    /** Binary, without TLVs. */
    V2 {
        @Override
        void write(ByteBuf out, InetSocketAddress client, InetSocketAddress local) {
            byte[] source = client.getAddress().getAddress();
            byte[] destination = local.getAddress().getAddress();
            out.writeBytes(SIGNATURE)
                    .writeByte(PROXY)
                    .writeByte(source.length == IPV4_BYTES ? TCP4 : TCP6)
                    .writeShort(source.length + destination.length + 2 * Short.BYTES)
                    .writeBytes(source)
                    .writeBytes(destination)
                    .writeShort(client.getPort())
                    .writeShort(local.getPort());
        }
    };

    private static final byte[] SIGNATURE = HexFormat.of().parseHex("0d0a0d0a000d0a515549540a");
    private static final int PROXY = 0x21;
    private static final int TCP4 = 0x11;
    private static final int TCP6 = 0x21;
    private static final int IPV4_BYTES = 4;
    /** Longest line of version 1, which is the longer of the two. */
    private static final int MAX_BYTES = 107;

    /** The header for a connection of {@code caller}, whose two addresses are of one version of IP. */
    ByteBuf of(ByteBufAllocator allocator, Caller caller) {
        ByteBuf out = allocator.directBuffer(MAX_BYTES);
        write(out, caller.client(), caller.local());
        return out;
    }

    /** Without the zone, which means nothing to another host. */
    private static String text(InetAddress address) {
        String text = address.getHostAddress();
        int zone = text.indexOf('%');
        return zone < 0 ? text : text.substring(0, zone);
    }

    abstract void write(ByteBuf out, InetSocketAddress client, InetSocketAddress local);
}
