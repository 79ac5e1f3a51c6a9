package dev.drover.dns.path;

import dev.drover.dns.wire.Rcode;
import java.net.InetAddress;

/** Where sampled queries go to be written down; called on the lanes, never waits. */
public interface QueryTap {
    /** One query and what became of it. */
    @SuppressWarnings("ArrayRecordComponent") // nobody compares them
    record Sample(
            long timeMs, InetAddress client, Via via, byte[] question, Rcode rcode, int replyBytes, long durationNs) {}

    /** Nobody writes. */
    QueryTap NONE = new QueryTap() {
        @Override
        public int oneIn() {
            return 0;
        }

        @Override
        public void accept(Sample sample) {}
    };

    /** Of how many queries one is written down; 0 for none. */
    int oneIn();

    void accept(Sample sample);
}
