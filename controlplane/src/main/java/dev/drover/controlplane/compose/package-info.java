/** docker-compose.yml and rancher-compose.yml of a stack to the services it wants. */
@NullMarked
package dev.drover.controlplane.compose;

import org.jspecify.annotations.NullMarked;
