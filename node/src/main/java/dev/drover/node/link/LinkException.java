package dev.drover.node.link;

import org.jspecify.annotations.Nullable;

/** The control plane cannot be reached or refuses this host. */
public final class LinkException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final boolean isFinal;

    /** @param isFinal true when trying again cannot help */
    LinkException(String message, boolean isFinal, @Nullable Throwable cause) {
        super(message, cause);
        this.isFinal = isFinal;
    }

    public boolean isFinal() {
        return isFinal;
    }
}
