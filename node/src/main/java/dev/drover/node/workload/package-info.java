/** Service containers: from desired state to Docker. */
@NullMarked
package dev.drover.node.workload;

import org.jspecify.annotations.NullMarked;
