/**
 * From what is stored of an environment to what each of its nodes should do, and from two such states to the change
 * between them. Pure functions; the same objects always give the same state.
 */
@NullMarked
package dev.drover.controlplane.desired;

import org.jspecify.annotations.NullMarked;
