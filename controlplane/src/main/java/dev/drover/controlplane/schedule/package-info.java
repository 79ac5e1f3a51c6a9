/**
 * Drover's own orchestrator: decides where instances go and walks each environment towards what is stored, one safe step
 * at a time. Deciding ({@link dev.drover.controlplane.schedule.Planner}) is pure; {@link
 * dev.drover.controlplane.schedule.Controller} carries it out.
 */
@NullMarked
package dev.drover.controlplane.schedule;

import org.jspecify.annotations.NullMarked;
