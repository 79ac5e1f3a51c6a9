package dev.drover.dataplane;

/**
 * Configures the network of one namespace through the kernel's rtnetlink (rtnetlink(7)): a socket, and a small class
 * for each table behind it. A request waits for the kernel's acknowledgement, which is a matter of microseconds unless
 * the kernel takes its lock for something else. Thread-safe; the namespace is the one in which it was opened, whichever
 * thread calls later.
 */
public final class Rtnetlink implements AutoCloseable {
    private final NetlinkSocket socket;
    private final Links links;
    private final Addresses addresses;
    private final Routes routes;
    private final Neighbours neighbours;
    private final Filters filters;

    private Rtnetlink(NetlinkSocket socket) {
        this.socket = socket;
        this.links = new Links(socket);
        this.addresses = new Addresses(socket);
        this.routes = new Routes(socket);
        this.neighbours = new Neighbours(socket);
        this.filters = new Filters(socket);
    }

    /** Opens a socket for the namespace of the calling thread. */
    public static Rtnetlink open() {
        return new Rtnetlink(new NetlinkSocket());
    }

    /** Opens a socket for another namespace. */
    public static Rtnetlink open(NetNs namespace) {
        return namespace.call(Rtnetlink::open);
    }

    public Links links() {
        return links;
    }

    public Addresses addresses() {
        return addresses;
    }

    public Routes routes() {
        return routes;
    }

    public Neighbours neighbours() {
        return neighbours;
    }

    public Filters filters() {
        return filters;
    }

    @Override
    public void close() {
        socket.close();
    }
}
