package dev.drover.dns.path;

/** Where defects of the hot path go to be logged, rate limited; called on the lanes. */
public interface Faults {
    void onFault(Throwable fault);
}
