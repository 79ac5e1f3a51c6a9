/** Virtual hosts on one machine for the demo, tests and benchmarks. */
@NullMarked
package dev.drover.lab;

import org.jspecify.annotations.NullMarked;
