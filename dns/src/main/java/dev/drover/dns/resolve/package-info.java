/**
 * Asks upstream resolvers for names that are not ours, and keeps what they said. Runs on the lanes; knows questions and
 * answers, but neither clients nor the configuration.
 */
@NullMarked
package dev.drover.dns.resolve;

import org.jspecify.annotations.NullMarked;
