package dev.drover.dns;

import dev.drover.dataplane.Transport;

final class IoUringMalformedTest extends MalformedContract {
    @Override
    Transport transport() {
        return Transport.IO_URING;
    }
}
