/** DNS server. */
@NullMarked
package dev.drover.dns;

import org.jspecify.annotations.NullMarked;
