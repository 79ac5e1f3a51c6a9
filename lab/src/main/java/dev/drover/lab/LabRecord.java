package dev.drover.lab;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.time.Instant;

/**
 * What is written about a lab before its first resource is made.
 *
 * @param id         of the lab
 * @param size       number of hosts
 * @param createdAt  ISO 8601
 * @param ownerPid   process that tears the lab down when it ends; 0 when the lab stays until {@code lab down}
 * @param ownerStart start of that process in milliseconds since the epoch, so that a reused pid is told apart
 */
record LabRecord(String id, int size, String createdAt, long ownerPid, long ownerStart) {
    static LabRecord unowned(LabSpec spec) {
        return new LabRecord(spec.id(), spec.size(), Instant.now().toString(), 0, 0);
    }

    static LabRecord ownedByThisProcess(LabSpec spec) {
        ProcessHandle self = ProcessHandle.current();
        return new LabRecord(spec.id(), spec.size(), Instant.now().toString(), self.pid(), startOf(self));
    }

    LabSpec spec() {
        return new LabSpec(id, size);
    }

    @JsonIgnore
    boolean isOwned() {
        return ownerPid != 0;
    }

    @JsonIgnore
    boolean ownerIsAlive() {
        return isOwned()
                && ProcessHandle.of(ownerPid)
                        .map(handle -> handle.isAlive() && startOf(handle) == ownerStart)
                        .orElse(false);
    }

    private static long startOf(ProcessHandle handle) {
        return handle.info().startInstant().map(Instant::toEpochMilli).orElse(-1L);
    }
}
