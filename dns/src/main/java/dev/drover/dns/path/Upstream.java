package dev.drover.dns.path;

import java.net.InetSocketAddress;

/** A resolver that is asked for names that are not ours; shared by all lanes. */
public final class Upstream {
    private final InetSocketAddress address;
    /** {@link System#nanoTime} until which it is asked last, valid while {@link #sick}. */
    private volatile long sickUntilNs;

    private volatile boolean sick;

    public Upstream(InetSocketAddress address) {
        this.address = address;
    }

    public InetSocketAddress address() {
        return address;
    }

    void failed(long nowNs, long sickNs) {
        sickUntilNs = nowNs + sickNs;
        sick = true;
    }

    void answered() {
        if (sick) {
            sick = false;
        }
    }

    /** Whether it lately left a query unanswered and has answered none since; then it is asked after the others. */
    public boolean isSick(long nowNs) {
        return sick && sickUntilNs - nowNs > 0;
    }
}
