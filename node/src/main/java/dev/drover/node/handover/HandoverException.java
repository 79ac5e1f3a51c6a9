package dev.drover.node.handover;

import java.io.IOException;

/** The other side left, was silent for too long or said something else than expected. */
public final class HandoverException extends IOException {
    private static final long serialVersionUID = 1L;

    HandoverException(String message) {
        super(message);
    }
}
