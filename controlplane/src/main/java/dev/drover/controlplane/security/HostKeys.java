package dev.drover.controlplane.security;

import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.Repository;
import java.util.List;
import java.util.Optional;

/** Bearer secrets of joined hosts: {@code drvh1.ENVIRONMENT_ID.HOST_ID.SECRET}. */
public final class HostKeys {
    private static final String VERSION = "drvh1";

    private HostKeys() {}

    public static String create(String environmentId, String hostId) {
        return String.join(".", VERSION, environmentId, hostId, Secrets.newSecret());
    }

    /** The host that this key belongs to; empty for a bad key and for one of a host that was removed. */
    public static Optional<Host> authenticate(Repository repository, String key) {
        List<String> parts = List.of(key.split("\\.", -1));
        if (parts.size() != 4 || !parts.get(0).equals(VERSION)) {
            return Optional.empty();
        }
        String environmentId = parts.get(1);
        String hostId = parts.get(2);
        if (environmentId.isEmpty() || hostId.isEmpty() || (environmentId + hostId).indexOf('/') >= 0) {
            return Optional.empty();
        }
        return repository.get(Kind.HOST, environmentId, hostId).filter(host -> Secrets.matches(key, host.keyHash()));
    }
}
