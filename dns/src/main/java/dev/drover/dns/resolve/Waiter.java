package dev.drover.dns.resolve;

import dev.drover.dns.wire.ExtendedError;

/** Who wants to know; one of the methods is called once, on the lane that asked. */
public interface Waiter {
    void onAnswer(UpstreamAnswer answer);

    void onFailure(ExtendedError why);
}
