package dev.drover.dns;

import dev.drover.dataplane.Transport;

final class IoUringApplyTest extends ApplyContract {
    @Override
    Transport transport() {
        return Transport.IO_URING;
    }
}
