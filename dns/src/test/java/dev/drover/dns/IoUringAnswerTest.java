package dev.drover.dns;

import dev.drover.dataplane.Transport;

final class IoUringAnswerTest extends AnswerContract {
    @Override
    Transport transport() {
        return Transport.IO_URING;
    }
}
