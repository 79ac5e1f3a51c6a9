/** Hot half of the tunnel endpoint: one thread a lane, no allocation, lock, log or exception per packet. */
@NullMarked
package dev.drover.overlay.path;

import org.jspecify.annotations.NullMarked;
