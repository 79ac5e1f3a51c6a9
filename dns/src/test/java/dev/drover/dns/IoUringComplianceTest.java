package dev.drover.dns;

import dev.drover.dataplane.Transport;

final class IoUringComplianceTest extends ComplianceContract {
    @Override
    Transport transport() {
        return Transport.IO_URING;
    }
}
