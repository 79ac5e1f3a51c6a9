package dev.drover.node.cli;

/** A command cannot do what it was asked to; the message is the one line the user sees. */
public final class CliException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public CliException(String message) {
        super(message);
    }

    public CliException(String message, Throwable cause) {
        super(message, cause);
    }
}
