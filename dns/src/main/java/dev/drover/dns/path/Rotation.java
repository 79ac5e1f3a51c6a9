package dev.drover.dns.path;

import java.net.InetAddress;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;

/** Addresses of one family of one name; every answer starts one further than the one before, whoever asks. */
final class Rotation {
    static final Rotation NONE = new Rotation(List.of());

    private final InetAddress[] addresses;
    private final byte[][] bytes;
    private final AtomicInteger turn;

    Rotation(List<InetAddress> addresses) {
        this.addresses = addresses.toArray(InetAddress[]::new);
        this.bytes = addresses.stream().map(InetAddress::getAddress).toArray(byte[][]::new);
        // A random start keeps frequent reloads from sending everybody to the first address.
        this.turn = new AtomicInteger(ThreadLocalRandom.current().nextInt(Math.max(1, addresses.size())));
    }

    int size() {
        return addresses.length;
    }

    /** Start index of the next answer. */
    int turn() {
        return Math.floorMod(turn.getAndIncrement(), addresses.length);
    }

    InetAddress at(int index) {
        return addresses[index % addresses.length];
    }

    /** As {@link #at}, in the order of the wire. Not to be modified. */
    byte[] bytesAt(int index) {
        return bytes[index % bytes.length];
    }

    /** Bytes of one address; there is at least one. */
    int addressBytes() {
        return bytes[0].length;
    }
}
