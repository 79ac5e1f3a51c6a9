/**
 * The metadata service: what a container may ask of itself and its environment, over HTTP at 169.254.169.250:80 as in
 * Rancher 1.x.
 *
 * <p>The node publishes a {@link dev.drover.node.metadata.MetadataSource} at each change, which costs nothing. The one
 * thread of the {@link dev.drover.node.metadata.MetadataServer} makes a {@code Catalog} of it when somebody asks or
 * waits, finds the place of the path in a {@code Tree} whose branches are made as they are entered, and writes it in the
 * {@code Format} asked for.
 */
@NullMarked
package dev.drover.node.metadata;

import org.jspecify.annotations.NullMarked;
