package dev.drover.lab;

/** Something in the lab went wrong in a way that the operator can act on; the message says what and where. */
public final class LabException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public LabException(String message) {
        super(message);
    }

    public LabException(String message, Throwable cause) {
        super(message, cause);
    }
}
