package dev.drover.perf;

import java.net.InetAddress;

/**
 * One side of a comparison: two containers on two hosts, the first sends.
 *
 * @param first network namespace of the first container, by its name
 * @param second network namespace of the second container, by its name
 * @param secondAddress where the first reaches the second
 */
record OverlayPair(String name, String first, String second, InetAddress secondAddress) {}
