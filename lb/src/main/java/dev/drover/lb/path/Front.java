package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;

/**
 * The client's side of an {@link Exchange}: a connection of HTTP/1.1 ({@link HttpFront}) or a stream of HTTP/2 ({@link
 * H2FrontStream}). Called
 * on the lane of the exchange only.
 *
 * <p>What lies between a front and a {@link Back} is HTTP/1.1 in its canonical form, whatever either side speaks: heads
 * are parsed by {@link RequestHead} and {@link ResponseHead}, and so are checked by the strict parser even if they came
 * as HTTP/2 and leave as HTTP/2; bodies of requests are framed as RFC 9112 section 6 says, those of responses too, unless
 * the front wants them {@link #bare}. That costs HTTP/1.1, by far the most of what passes here, nothing.
 */
interface Front {
    ByteBufAllocator allocator();

    /** Of the request under way, which the front begins and ends there. */
    Account account();

    /** Hash of the client's address, spread over all 64 bits. */
    long sourceKey();

    /** Whether the client's connection is encrypted. */
    boolean secure();

    /** Whether response bodies are wanted without chunk framing, their trailers by {@link #trailers}. */
    boolean bare();

    /**
     * The head of a response, also of an informational one.
     *
     * @param chunked the body comes in chunks (never when {@link #bare})
     */
    void head(ResponseHead head, ResponseHead.Persistence persistence, boolean chunked);

    /** The next piece of the response, which the front takes over. */
    void write(ByteBuf piece);

    /** Trailers of a bare response, valid during the call; those barred from trailers are still among them. */
    void trailers(Fields trailers);

    void flush();

    boolean isWritable();

    /** Whether the client's connection may live on behind the response under way. */
    boolean mayGoOn();

    /** Whether the target's connection takes more of the request body. */
    void upstreamReady(boolean ready);

    /** The whole request is at a target. */
    void awaitResponse();

    /** The response is under way and has just moved. */
    void streaming();

    /** The target may be gone: {@link Exchange#onGraceEnd} is to be called at {@code atNs}. */
    void graceUntil(long atNs);

    /** The response was relayed to its end; {@code goOn} tells whether the connection may carry another. */
    void onExchangeEnd(Outcome outcome, boolean goOn);

    /** There is no response to relay: gives one. */
    void onGivenUp(Outcome outcome);

    /** The response broke off. {@code framed} tells that the client can see that it is not complete. */
    void onTruncated(boolean framed);

    /** Response 101: hands the connection of the client and that of the target over; the exchange keeps none. */
    void tunnel(HttpBack back);
}
