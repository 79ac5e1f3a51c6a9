package dev.drover.dns;

import dev.drover.dataplane.Transport;

final class EpollMalformedTest extends MalformedContract {
    @Override
    Transport transport() {
        return Transport.EPOLL;
    }
}
