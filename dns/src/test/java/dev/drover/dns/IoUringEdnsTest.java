package dev.drover.dns;

import dev.drover.dataplane.Transport;

final class IoUringEdnsTest extends EdnsContract {
    @Override
    Transport transport() {
        return Transport.IO_URING;
    }
}
