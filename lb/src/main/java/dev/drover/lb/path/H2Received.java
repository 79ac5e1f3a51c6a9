package dev.drover.lb.path;

import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Headers;

/**
 * Fields of HTTP/2 as they came, unchecked, with what their order and number said: the list itself puts pseudo fields
 * first and makes one of several lengths.
 */
final class H2Received extends DefaultHttp2Headers {
    private boolean regularSeen;
    private boolean pseudoLate;
    private int lengths;

    H2Received() {
        super(false);
    }

    @Override
    public Http2Headers add(CharSequence name, CharSequence value) {
        if (name.isEmpty() || name.charAt(0) != ':') {
            regularSeen = true;
            if (H2Message.CONTENT_LENGTH.contentEquals(name)) {
                lengths++;
            }
        } else if (regularSeen) {
            pseudoLate = true;
        }
        return super.add(name, value);
    }

    /** RFC 9113 section 8.3: pseudo fields come first; and a length at most once. */
    boolean orderly() {
        return !pseudoLate && lengths <= 1;
    }
}
