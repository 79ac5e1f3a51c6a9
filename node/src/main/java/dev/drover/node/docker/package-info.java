/** The Docker engine: calls, events and the periodic list. */
@NullMarked
package dev.drover.node.docker;

import org.jspecify.annotations.NullMarked;
