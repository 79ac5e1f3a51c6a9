/** Environments, stacks, services, scheduler, store, API and web UI. */
@NullMarked
package dev.drover.controlplane;

import org.jspecify.annotations.NullMarked;
