/** Pure functions from desired state and local containers to the configurations of the data-plane modules. */
@NullMarked
package dev.drover.node.mapping;

import org.jspecify.annotations.NullMarked;
