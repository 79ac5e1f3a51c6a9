package dev.drover.overlay.noise;

import org.jspecify.annotations.Nullable;

/** A message that does not belong to the handshake; says no more than that. */
public final class NoiseException extends Exception {
    NoiseException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
