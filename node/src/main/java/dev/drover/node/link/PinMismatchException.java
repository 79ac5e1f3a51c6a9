package dev.drover.node.link;

import java.security.cert.CertificateException;

/** The server presented another key than the pinned one; trying again does not help. */
public final class PinMismatchException extends CertificateException {
    private static final long serialVersionUID = 1L;

    PinMismatchException(String message) {
        super(message);
    }
}
