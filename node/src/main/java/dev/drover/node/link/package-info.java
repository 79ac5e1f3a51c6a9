/** The connection to the control plane: joining, desired state down, facts up. */
@NullMarked
package dev.drover.node.link;

import org.jspecify.annotations.NullMarked;
