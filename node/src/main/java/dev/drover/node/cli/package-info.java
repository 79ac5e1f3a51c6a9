/** The commands of {@code drover} and the client of the control plane's API. */
@NullMarked
package dev.drover.node.cli;

import org.jspecify.annotations.NullMarked;
