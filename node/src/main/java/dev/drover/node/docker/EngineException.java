package dev.drover.node.docker;

/** The Docker engine cannot be reached, did not answer in time or refused a call; the message names socket and call. */
public final class EngineException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public EngineException(String message, Throwable cause) {
        super(message, cause);
    }

    public EngineException(String message) {
        super(message);
    }
}
