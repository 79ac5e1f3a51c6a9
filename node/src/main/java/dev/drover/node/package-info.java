/** The per-host node and the drover command line. */
@NullMarked
package dev.drover.node;

import org.jspecify.annotations.NullMarked;
