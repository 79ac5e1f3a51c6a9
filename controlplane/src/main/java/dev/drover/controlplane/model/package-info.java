/**
 * What the control plane stores: immutable records, each under one key of the store as JSON. Pure data; the rules live in
 * the packages that read them.
 */
@NullMarked
package dev.drover.controlplane.model;

import org.jspecify.annotations.NullMarked;
