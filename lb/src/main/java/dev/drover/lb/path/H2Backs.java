package dev.drover.lb.path;

import java.util.ArrayList;
import org.jspecify.annotations.Nullable;

/**
 * The connections of HTTP/2 from one lane to one target. Requests go to the one with the least to do; another is opened when
 * each has {@value #SPREAD} streams, or as many as the target lets it have. Touched by the lane alone.
 */
final class H2Backs {
    /** At a time. */
    private static final int MAX_CONNECTIONS = 8;
    /** Streams that one connection, and so one thread of most servers, has before there is a second. */
    private static final int SPREAD = 100;

    private final Target target;
    private final ArrayList<H2Back> usable = new ArrayList<>(1);
    /** What a new connection may expect: RFC 9113 section 6.5.2 recommends no less; then what the target said last. */
    private int expectedStreams = 100;

    H2Backs(Target target) {
        this.target = target;
    }

    /** Whether none takes another stream, and none may be opened. */
    boolean full() {
        return usable.size() >= MAX_CONNECTIONS && roomiest() == null;
    }

    /** A stream for the next request, on a connection that is open, under way, or begins with it. */
    H2BackStream stream(LbLane lane) {
        H2Back best = roomiest();
        if (best == null || best.load() >= SPREAD && usable.size() < MAX_CONNECTIONS) {
            best = new H2Back(lane, target, this);
            usable.add(best);
        }
        return new H2BackStream(lane, best);
    }

    private @Nullable H2Back roomiest() {
        H2Back best = null;
        for (int i = 0; i < usable.size(); i++) {
            H2Back back = usable.get(i);
            if (back.hasRoom() && (best == null || back.load() < best.load())) {
                best = back;
            }
        }
        return best;
    }

    int expectedStreams() {
        return expectedStreams;
    }

    /** The target lets a connection have that many. */
    void expect(int streams) {
        expectedStreams = streams;
    }

    /** Takes no new streams any more. */
    void remove(H2Back back) {
        usable.remove(back);
    }
}
