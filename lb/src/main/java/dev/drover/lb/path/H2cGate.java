package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;

/** The first bytes of a client connection that may begin with the preface of HTTP/2 (RFC 9113 section 3.4). */
final class H2cGate extends FirstBytesGate {
    private static final byte[] PREFACE = Ascii.bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

    H2cGate(Arrival arrival) {
        super(arrival);
    }

    @Override
    void onBytes() throws Exception {
        int length = Math.min(inbox.length(), PREFACE.length);
        ByteBuf bytes = inbox.present();
        int same = 0;
        while (same < length && bytes.getByte(bytes.readerIndex() + same) == PREFACE[same]) {
            same++;
        }
        if (same == length && same < PREFACE.length) {
            return;
        }
        arrival.afterPreface(this, same == PREFACE.length, inbox.take());
    }
}
