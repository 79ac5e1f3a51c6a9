package dev.drover.dns;

import dev.drover.dataplane.Transport;

final class EpollEdnsTest extends EdnsContract {
    @Override
    Transport transport() {
        return Transport.EPOLL;
    }
}
