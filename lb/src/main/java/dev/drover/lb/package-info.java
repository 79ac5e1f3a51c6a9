/** L4 and L7 load balancer. */
@NullMarked
package dev.drover.lb;

import org.jspecify.annotations.NullMarked;
