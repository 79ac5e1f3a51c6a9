package dev.drover.controlplane.compose;

/** A compose file that cannot be used; the API answers 422 with {@link #path()} as the field. */
public final class ComposeException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final String path;

    /**
     * @param path where, as {@code compose.services.web.ports[0]} or {@code rancherCompose.services.web.scale}
     * @param message {@code key: value (expected: ...)}
     */
    public ComposeException(String path, String message) {
        super(message);
        this.path = path;
    }

    public String path() {
        return path;
    }
}
