package dev.drover.dns;

import dev.drover.dataplane.Transport;

final class IoUringForwardTest extends ForwardContract {
    @Override
    Transport transport() {
        return Transport.IO_URING;
    }
}
