package dev.drover.overlay;

import dev.drover.overlay.path.PeerPath;
import java.util.function.Supplier;

/** Probes by whatever endpoint there is at the time; by none while it is closed. */
final class ProbeWire implements PathProbes.Wire {
    private final Supplier<Endpoint> endpoint;

    ProbeWire(Supplier<Endpoint> endpoint) {
        this.endpoint = endpoint;
    }

    @Override
    public int mtu() {
        return endpoint.get().mtu();
    }

    @Override
    public boolean superFrames(PeerPath peer) {
        return endpoint.get().routesSuperFrames(peer);
    }

    @Override
    public boolean probe(PeerPath peer, int ipBytes, long nonce) {
        Endpoint now = endpoint.get();
        return !now.closed() && now.probes().probe(peer, ipBytes, nonce);
    }

    @Override
    public int superFrame(PeerPath peer, int ipBytes, long nonce) {
        Endpoint now = endpoint.get();
        return now.closed() ? 0 : now.probes().superFrame(peer, ipBytes, nonce);
    }

    @Override
    public void answer(PeerPath peer, long nonce, int bytes) {
        Endpoint now = endpoint.get();
        if (!now.closed()) {
            now.probes().answer(peer, nonce, bytes);
        }
    }
}
