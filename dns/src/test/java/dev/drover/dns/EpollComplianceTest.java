package dev.drover.dns;

import dev.drover.dataplane.Transport;

final class EpollComplianceTest extends ComplianceContract {
    @Override
    Transport transport() {
        return Transport.EPOLL;
    }
}
