/** Hot code of the load balancer: one event loop owns each connection pair from the first byte to the last. */
@NullMarked
package dev.drover.lb.path;

import org.jspecify.annotations.NullMarked;
