/** Addresses of local containers and their way into the overlay network. */
@NullMarked
package dev.drover.node.attach;

import org.jspecify.annotations.NullMarked;
