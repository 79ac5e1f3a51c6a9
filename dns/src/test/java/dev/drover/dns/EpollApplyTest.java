package dev.drover.dns;

import dev.drover.dataplane.Transport;

final class EpollApplyTest extends ApplyContract {
    @Override
    Transport transport() {
        return Transport.EPOLL;
    }
}
