package dev.drover.dataplane;

import java.net.InetAddress;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Unicast routes of one namespace. Every method is one request (or one dump) and waits for the kernel's answer.
 * Thread-safe. A refusal is a {@link SysException} with the kernel's words.
 */
public final class Routes {
    /** EACCES, EINVAL, ENETUNREACH and EHOSTUNREACH: prohibit, blackhole, no route, unreachable. */
    private static final Set<Integer> NO_WAY = Set.of(13, 22, 101, 113);

    private final NetlinkSocket socket;

    Routes(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** Unicast routes of table main, IPv4 and IPv6. */
    public List<Route> list() {
        return list(Nl.AF_UNSPEC);
    }

    /** IPv4 unicast routes of table main. */
    public List<Route> listV4() {
        return list(Nl.AF_INET);
    }

    /**
     * How the kernel would send to an address now; empty when it has no unicast route there, or one that says not to
     * send (unreachable, prohibit, blackhole).
     */
    public Optional<Route> towards(InetAddress destination) {
        byte[] bytes = destination.getAddress();
        NlMessage message =
                query(Route.family(destination), bytes.length * Byte.SIZE).attribute(Nl.RTA_DST, bytes);
        try {
            return socket.request("route to " + destination.getHostAddress(), message).stream()
                    .map(Route::parse)
                    .filter(Objects::nonNull)
                    .findFirst();
        } catch (SysException e) {
            if (NO_WAY.contains(e.errno())) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** Adds a route; false when there is one with the same destination, metric and table. */
    public boolean add(Route route) {
        return Links.tolerate(Sys.EEXIST, () -> send("add", Nl.RTM_NEWROUTE, Nl.F_CREATE | Nl.F_EXCL, route));
    }

    /** Adds a route, in the place of one with the same destination, metric and table. */
    public void replace(Route route) {
        send("replace", Nl.RTM_NEWROUTE, Nl.F_CREATE | Nl.F_REPLACE, route);
    }

    /** Deletes a route; false when there is none. */
    public boolean delete(Route route) {
        return Links.tolerate(Nl.ESRCH, () -> send("delete", Nl.RTM_DELROUTE, 0, route));
    }

    private List<Route> list(int family) {
        NlMessage message = query(family, 0);
        return socket.dump("list routes", message).stream()
                .map(Route::parse)
                .filter(Objects::nonNull)
                .filter(route -> route.table() == Route.TABLE_MAIN)
                .toList();
    }

    private static NlMessage query(int family, int prefixLength) {
        return new NlMessage(Nl.RTM_GETROUTE, 0)
                .u8(family)
                .u8(prefixLength)
                .u8(0)
                .u8(0)
                .u8(0)
                .u8(0)
                .u8(0)
                .u8(0)
                .u32(0);
    }

    private void send(String verb, int type, int flags, Route route) {
        String what = verb + " route " + route.destination().getHostAddress() + "/" + route.prefixLength();
        NlMessage message = new NlMessage(type, flags)
                .u8(Route.family(route.destination()))
                .u8(route.prefixLength())
                .u8(0)
                .u8(0)
                .u8(route.table() < 256 ? route.table() : 0)
                .u8(route.protocol())
                .u8(route.scope())
                .u8(Nl.RTN_UNICAST)
                .u32(route.onLink() ? Nl.RTNH_F_ONLINK : 0)
                .attributeU32(Nl.RTA_TABLE, route.table())
                .attributeU32(Nl.RTA_OIF, route.linkIndex());
        if (!route.isDefault()) {
            message.attribute(Nl.RTA_DST, route.destination().getAddress());
        }
        if (route.gateway() != null) {
            message.attribute(Nl.RTA_GATEWAY, route.gateway().getAddress());
        }
        if (route.source() != null) {
            message.attribute(Nl.RTA_PREFSRC, route.source().getAddress());
        }
        if (route.metric() != 0) {
            message.attributeU32(Nl.RTA_PRIORITY, route.metric());
        }
        socket.request(what, message);
    }
}
