/**
 * The one connection between control plane and node: its messages and their JSON form. This is the only package of the
 * control plane that the node may see, apart from starting the server.
 */
@NullMarked
package dev.drover.controlplane.link;

import org.jspecify.annotations.NullMarked;
