package dev.drover.node;

import java.util.Objects;

/** Version of this build. */
final class Version {
    /** From the manifest, {@code dev} when run from class folders. */
    static final String STRING =
            Objects.requireNonNullElse(Version.class.getPackage().getImplementationVersion(), "dev");

    private Version() {}
}
