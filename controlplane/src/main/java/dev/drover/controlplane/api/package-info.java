/**
 * The HTTP face of the control plane: REST resources, their OpenAPI description, the live watch, the UI's files, health and
 * metrics. One {@link dev.drover.controlplane.api.Operation} says both what is routed and what is described.
 */
@NullMarked
package dev.drover.controlplane.api;

import org.jspecify.annotations.NullMarked;
