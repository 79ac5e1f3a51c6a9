/**
 * Reads docker-compose.yml and rancher-compose.yml into {@link dev.drover.controlplane.compose.ServiceDraft}s. Strict: what
 * this version cannot do is an error that names the key, never ignored. Pure, any thread.
 */
@NullMarked
package dev.drover.controlplane.compose;

import org.jspecify.annotations.NullMarked;
