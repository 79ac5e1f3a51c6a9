/** Access logs: from the queues of the lanes to lines in files. */
@NullMarked
package dev.drover.lb.log;

import org.jspecify.annotations.NullMarked;
