/** Benchmarks against peers, with their results and method. */
@NullMarked
package dev.drover.perf;

import org.jspecify.annotations.NullMarked;
