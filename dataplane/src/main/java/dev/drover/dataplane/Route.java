package dev.drover.dataplane;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A unicast route.
 *
 * @param destination network address; 0.0.0.0 or :: with prefix length 0 is the default route
 * @param prefixLength 0 to 32 or 128
 * @param linkIndex of the interface, 0 for routes that name none (multipath)
 * @param gateway null when the destination is on the link
 * @param source preferred source address, null when the kernel chooses
 * @param scope {@link #SCOPE_UNIVERSE} behind a gateway, {@link #SCOPE_LINK} on the link
 * @param table {@link #TABLE_MAIN} unless policy routing is in use
 * @param onLink the gateway counts as on the link although no prefix of the interface contains it
 * @param protocol who made it: 2 the kernel, 3 boot, 4 static …
 * @param metric lower wins; 0 for none
 */
public record Route(
        InetAddress destination,
        int prefixLength,
        int linkIndex,
        @Nullable InetAddress gateway,
        @Nullable InetAddress source,
        int scope,
        int table,
        boolean onLink,
        int protocol,
        int metric) {
    public static final int SCOPE_UNIVERSE = 0;
    public static final int SCOPE_LINK = 253;
    public static final int TABLE_MAIN = 254;
    private static final int PROTOCOL_BOOT = 3;

    /** A route in table main behind a gateway. */
    public static Route via(InetAddress destination, int prefixLength, InetAddress gateway, int linkIndex) {
        return new Route(
                destination,
                prefixLength,
                linkIndex,
                gateway,
                null,
                SCOPE_UNIVERSE,
                TABLE_MAIN,
                false,
                PROTOCOL_BOOT,
                0);
    }

    /** A route in table main to what is on the link. */
    public static Route onLink(InetAddress destination, int prefixLength, int linkIndex) {
        return new Route(
                destination, prefixLength, linkIndex, null, null, SCOPE_LINK, TABLE_MAIN, false, PROTOCOL_BOOT, 0);
    }

    /** The IPv4 default route in table main. */
    public static Route defaultVia(Inet4Address gateway, int linkIndex) {
        return via(Cidr.toInet(0), 0, gateway, linkIndex);
    }

    /** This route with a gateway that need not be within a prefix of the interface. */
    public Route withOnLink() {
        return new Route(destination, prefixLength, linkIndex, gateway, source, scope, table, true, protocol, metric);
    }

    public boolean isDefault() {
        return prefixLength == 0;
    }

    /** Same destination, way and table, whoever made it. */
    public boolean leadsAs(Route other) {
        return destination.equals(other.destination)
                && prefixLength == other.prefixLength
                && linkIndex == other.linkIndex
                && Objects.equals(gateway, other.gateway)
                && table == other.table;
    }

    /** Null for what is no unicast route. */
    static @Nullable Route parse(ByteBuffer message) {
        int body = Nl.HEADER_BYTES;
        if ((message.get(body + 7) & 0xff) != Nl.RTN_UNICAST) {
            return null;
        }
        NlAttributes attributes = NlAttributes.parse(message, body + Nl.RTMSG_BYTES);
        InetAddress destination = attributes.address(Nl.RTA_DST);
        return new Route(
                destination != null ? destination : any(message.get(body)),
                message.get(body + 1) & 0xff,
                attributes.u32(Nl.RTA_OIF, 0),
                attributes.address(Nl.RTA_GATEWAY),
                attributes.address(Nl.RTA_PREFSRC),
                message.get(body + 6) & 0xff,
                attributes.u32(Nl.RTA_TABLE, message.get(body + 4) & 0xff),
                (message.getInt(body + 8) & Nl.RTNH_F_ONLINK) != 0,
                message.get(body + 5) & 0xff,
                attributes.u32(Nl.RTA_PRIORITY, 0));
    }

    static int family(InetAddress address) {
        return address instanceof Inet4Address ? Nl.AF_INET : Nl.AF_INET6;
    }

    private static InetAddress any(int family) {
        try {
            return InetAddress.getByAddress(new byte[family == Nl.AF_INET ? 4 : 16]);
        } catch (UnknownHostException e) {
            throw new AssertionError(e); // both lengths are valid
        }
    }
}
