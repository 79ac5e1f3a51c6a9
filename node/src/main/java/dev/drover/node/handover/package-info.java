/**
 * A running node gives its sockets to its successor, so that an upgrade loses no request and no query.
 *
 * <p>The successor connects to a Unix socket of the running node; only a process of the same user is listened to
 * (SO_PEERCRED). Then, with numbers in network byte order:
 *
 * <pre>
 * successor                           running node
 *   "drover-handover-1\n"   ──────►
 *                                       parks: stops all but listeners and resolver
 *             ◄──────  int length, text: a line {@code KIND ADDRESS:PORT} a socket
 *   'F' (ready for descriptors) ──►
 *             ◄──────  a descriptor a line, in that order (SCM_RIGHTS)
 *       starts, serves
 *   'S' (serving)           ──────►
 *                                       stops accepting, lets what it has end, exits
 *             ◄──────  end of stream
 * </pre>
 *
 * <p>Until {@code 'S'} both processes accept from the same sockets. A stream that ends before it means that the successor
 * failed: the running node takes its work up again.
 */
@NullMarked
package dev.drover.node.handover;

import org.jspecify.annotations.NullMarked;
