/** The Noise protocol's handshake for the overlay's encryption: cold code that knows nothing of peers and packets. */
@org.jspecify.annotations.NullMarked
package dev.drover.overlay.noise;
