/** Network policies of environments: what may be written, and what it means for a container. Pure functions. */
@NullMarked
package dev.drover.controlplane.policy;

import org.jspecify.annotations.NullMarked;
