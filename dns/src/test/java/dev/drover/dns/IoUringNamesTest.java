package dev.drover.dns;

import dev.drover.dataplane.Transport;

final class IoUringNamesTest extends NamesContract {
    @Override
    Transport transport() {
        return Transport.IO_URING;
    }
}
