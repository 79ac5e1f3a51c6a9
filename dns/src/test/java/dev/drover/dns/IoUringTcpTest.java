package dev.drover.dns;

import dev.drover.dataplane.Transport;

final class IoUringTcpTest extends TcpContract {
    @Override
    Transport transport() {
        return Transport.IO_URING;
    }
}
