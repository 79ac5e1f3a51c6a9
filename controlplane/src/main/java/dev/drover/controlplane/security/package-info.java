/** Secrets: passwords, sessions, API and join tokens, host keys, the server's TLS key. Nothing here is ever logged. */
@NullMarked
package dev.drover.controlplane.security;

import org.jspecify.annotations.NullMarked;
