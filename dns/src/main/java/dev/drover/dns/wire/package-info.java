/** The DNS message: offsets, constants and walks over its bytes. */
@NullMarked
package dev.drover.dns.wire;

import org.jspecify.annotations.NullMarked;
