package dev.drover.lb.path;

import java.net.InetSocketAddress;

/** Hashes of clients' addresses: the same on every host and in every run, so that hosts choose alike. */
final class SourceKey {
    private SourceKey() {}

    /**
     * Who is taken for one source: an address of IPv4, or a network of IPv6 with 64 bits, out of which one client can take as
     * many addresses as it likes. Not hashed, so that no two are confused; never 0.
     */
    static long exact(InetSocketAddress client) {
        byte[] address = client.getAddress().getAddress();
        long key = address.length == 4 ? 0xffff : 0;
        for (int i = 0; i < Math.min(8, address.length); i++) {
            key = key << 8 | address[i] & 0xff;
        }
        return key == 0 ? 1 : key;
    }

    /** As {@link #exact(InetSocketAddress)}, of an address as {@link dev.drover.dataplane.SocketName} reads it. */
    static long exact(long high, long low) {
        long key = high == 0 && low >>> 32 == 0xffff ? low : high;
        return key == 0 ? 1 : key;
    }

    /** Of the address without its port, spread over all 64 bits (FNV-1a, finished by {@link Balancer#mix}). */
    static long of(InetSocketAddress client) {
        long hash = 0xcbf29ce484222325L;
        for (byte b : client.getAddress().getAddress()) {
            hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
        }
        return Balancer.mix(hash);
    }
}
