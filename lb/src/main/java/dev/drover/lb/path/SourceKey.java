package dev.drover.lb.path;

import java.net.InetSocketAddress;

/** Hashes of clients' addresses: the same on every host and in every run, so that hosts choose alike. */
final class SourceKey {
    private SourceKey() {}

    /** Of the address without its port, spread over all 64 bits (FNV-1a, finished by {@link Balancer#mix}). */
    static long of(InetSocketAddress client) {
        long hash = 0xcbf29ce484222325L;
        for (byte b : client.getAddress().getAddress()) {
            hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
        }
        return Balancer.mix(hash);
    }
}
