package dev.drover.lb.path;

/**
 * A connection whose TLS is its target's, until its client has said which server it wants; everything it sent is passed
 * on as it came. What is not TLS is reset.
 */
final class SniGate extends FirstBytesGate {
    SniGate(Arrival arrival) {
        super(arrival);
    }

    @Override
    void onBytes() throws Exception {
        ClientHello hello = arrival.lane().clientHello();
        switch (hello.parse(inbox.present())) {
            case MORE -> {}
            case MALFORMED -> refuse(Event.TLS_FAILED);
            case DONE -> {
                Route route = arrival.route(hello.bytes(), hello.nameStart(), hello.nameEnd());
                if (route == null) {
                    refuse(Event.SERVER_NAME_UNKNOWN);
                } else {
                    arrival.afterHello(this, route, inbox.take());
                }
            }
        }
    }

    private void refuse(Event why) {
        arrival.lane().count(why);
        inbox.clear();
        Closing.reset(arrival.channel());
    }

    @Override
    void onDeadline(long nowNs) {
        refuse(Event.TLS_FAILED);
    }
}
