/** Kit under every hot path: event-loop lanes, Linux system calls, TAP, UDP, rtnetlink, counters, snapshots. */
@NullMarked
package dev.drover.dataplane;

import org.jspecify.annotations.NullMarked;
