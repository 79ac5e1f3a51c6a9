/**
 * The server's end of the connection to each node, {@code /v1/link}: who is connected, what each node has been told, and
 * what the nodes report. See {@link dev.drover.controlplane.link} for the messages.
 */
@NullMarked
package dev.drover.controlplane.links;

import org.jspecify.annotations.NullMarked;
