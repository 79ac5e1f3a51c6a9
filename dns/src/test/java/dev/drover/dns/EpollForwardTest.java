package dev.drover.dns;

import dev.drover.dataplane.Transport;

final class EpollForwardTest extends ForwardContract {
    @Override
    Transport transport() {
        return Transport.EPOLL;
    }
}
