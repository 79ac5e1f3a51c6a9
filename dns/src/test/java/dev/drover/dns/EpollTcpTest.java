package dev.drover.dns;

import dev.drover.dataplane.Transport;

final class EpollTcpTest extends TcpContract {
    @Override
    Transport transport() {
        return Transport.EPOLL;
    }
}
