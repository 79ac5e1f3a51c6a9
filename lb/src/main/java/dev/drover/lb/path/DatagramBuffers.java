package dev.drover.lb.path;

import dev.drover.dataplane.RelayBatch;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.SocketName;

/**
 * Where the datagrams of a lane lie for the time of one relay, shared by its UDP sockets one after the other: 2 MB, there as
 * long as there is such a socket.
 */
final class DatagramBuffers {
    private static final int SLOTS = 32;

    private final Slab slab = new Slab();
    private final RelayBatch batch = new RelayBatch(SLOTS, slab);
    private final long name = slab.allocate(SocketName.BYTES);
    private int users;

    RelayBatch batch() {
        return batch;
    }

    /** Room for the name of a peer, as the kernel wants it. */
    long name() {
        return name;
    }

    void enter() {
        users++;
    }

    /** False when that was the last user, and the memory is gone. */
    boolean leave() {
        if (--users == 0) {
            slab.close();
            return false;
        }
        return true;
    }
}
