package dev.drover.lb;

import java.net.InetSocketAddress;

/**
 * One place a listener may send to.
 *
 * @param address resolved address and port
 * @param draining true when it takes no new requests but may finish those it has
 */
public record TargetConfig(InetSocketAddress address, boolean draining) {
    public TargetConfig {
        if (address.isUnresolved()) {
            throw new IllegalArgumentException("target: " + address + " (expected: an IP address and port)");
        }
    }

    public static TargetConfig active(InetSocketAddress address) {
        return new TargetConfig(address, false);
    }
}
