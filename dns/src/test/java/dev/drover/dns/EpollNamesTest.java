package dev.drover.dns;

import dev.drover.dataplane.Transport;

final class EpollNamesTest extends NamesContract {
    @Override
    Transport transport() {
        return Transport.EPOLL;
    }
}
