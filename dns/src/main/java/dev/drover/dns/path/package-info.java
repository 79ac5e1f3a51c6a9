/** What happens to a query, on the event loop that received it. Nothing here logs, blocks or knows the configuration. */
@NullMarked
package dev.drover.dns.path;

import org.jspecify.annotations.NullMarked;
