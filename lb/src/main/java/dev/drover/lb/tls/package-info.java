/** Certificates, keys and session tickets: read, checked and watched away from the lanes. */
@NullMarked
package dev.drover.lb.tls;

import org.jspecify.annotations.NullMarked;
