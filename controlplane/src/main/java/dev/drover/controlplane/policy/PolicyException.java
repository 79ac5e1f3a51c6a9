package dev.drover.controlplane.policy;

/** A network policy that cannot be: which field, and what was expected there. */
public final class PolicyException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String field;

    PolicyException(String field, String message) {
        super(field + ": " + message);
        this.field = field;
    }

    /** As {@code policy[0].within}. */
    public String field() {
        return field;
    }
}
