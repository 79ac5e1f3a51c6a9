package dev.drover.lb.path;

/** A connection from a proxy we trust, until its PROXY protocol header has come. Without one it is closed. */
final class ProxyGate extends FirstBytesGate {
    private final ProxyHeader header = new ProxyHeader();

    ProxyGate(Arrival arrival) {
        super(arrival);
    }

    @Override
    void onBytes() throws Exception {
        switch (header.parse(inbox.present())) {
            case MORE -> {}
            case MALFORMED -> refuse();
            case DONE -> arrival.afterProxy(this, header, inbox.take());
        }
    }

    private void refuse() {
        arrival.lane().count(Event.PROXY_HEADER_REFUSED);
        inbox.clear();
        Closing.reset(arrival.channel());
    }

    @Override
    void onDeadline(long nowNs) {
        refuse();
    }
}
