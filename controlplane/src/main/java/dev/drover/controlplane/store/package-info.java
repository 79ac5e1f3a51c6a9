/** The store's seam and its embedded implementation. The contract is a subset of etcd v3, so that etcd can stand behind it. */
@NullMarked
package dev.drover.controlplane.store;

import org.jspecify.annotations.NullMarked;
