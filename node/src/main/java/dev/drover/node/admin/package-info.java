/** The node's admin endpoint: metrics, health, table dumps. */
@NullMarked
package dev.drover.node.admin;

import org.jspecify.annotations.NullMarked;
