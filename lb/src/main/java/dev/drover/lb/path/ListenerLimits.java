package dev.drover.lb.path;

/**
 * What clients of a listener may take and how long, as the hot code wants it.
 *
 * @param headTimeoutNs from the first byte of a request head to its last
 * @param bodyTimeoutNs between two reads of a request body
 * @param bodyRateWindowNs over which {@code bodyRate} is measured
 * @param keepAliveNs a client connection without a request
 * @param firstByteNs from the last byte of the request to the head of the response
 * @param responseIdleNs between two reads of a response body
 * @param requestNs from the first byte of a request to the last of its response; 0 is unlimited
 * @param lineBytes request line
 * @param headBytes request head
 * @param headFields fields of a request head
 * @param bodyBytes request body, 0 is unlimited
 * @param bodyRate bytes per second of a request body at the least, 0 for no such limit
 * @param connections client connections, 0 is unlimited
 * @param sourceConnections the same of one source, 0 is unlimited
 * @param sourceRate requests per second of one source, 0 is unlimited
 * @param sourceBurst requests of one source at once
 * @param streams of one connection of HTTP/2
 */
public record ListenerLimits(
        long headTimeoutNs,
        long bodyTimeoutNs,
        long bodyRateWindowNs,
        long keepAliveNs,
        long firstByteNs,
        long responseIdleNs,
        long requestNs,
        int lineBytes,
        int headBytes,
        int headFields,
        long bodyBytes,
        long bodyRate,
        long connections,
        long sourceConnections,
        long sourceRate,
        long sourceBurst,
        int streams) {
    /** The longest head that any listener may allow. */
    public static final int MAX_HEAD_BYTES = 64 * 1024;

    public static final int MAX_HEAD_FIELDS = Fields.MAX_COUNT;
    /** No client that means well is slower; one connection at this rate would take an hour for a megabyte. */
    public static final int USUAL_BODY_RATE = 240;

    public static final int USUAL_STREAMS = 128;

    /** Without any, for what is not served yet. */
    static final ListenerLimits NONE = new ListenerLimits(
            Timed.NEVER / 4,
            Timed.NEVER / 4,
            Timed.NEVER / 4,
            Timed.NEVER / 4,
            Timed.NEVER / 4,
            Timed.NEVER / 4,
            0,
            MAX_HEAD_BYTES,
            MAX_HEAD_BYTES,
            MAX_HEAD_FIELDS,
            0,
            0,
            0,
            0,
            0,
            1,
            USUAL_STREAMS);
}
