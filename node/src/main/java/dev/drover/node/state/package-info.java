/** What the node keeps on disk: identity, desired state, addresses. */
@NullMarked
package dev.drover.node.state;

import org.jspecify.annotations.NullMarked;
