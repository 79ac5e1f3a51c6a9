/** The static node file: its parser and what it means. */
@NullMarked
package dev.drover.node.config;

import org.jspecify.annotations.NullMarked;
