package dev.drover.dns;

import dev.drover.dataplane.Transport;

final class EpollAnswerTest extends AnswerContract {
    @Override
    Transport transport() {
        return Transport.EPOLL;
    }
}
