/** VXLAN tunnel endpoint and the wiring of containers into it. */
@NullMarked
package dev.drover.overlay;

import org.jspecify.annotations.NullMarked;
