package dev.drover.lb.path;

import java.net.InetSocketAddress;

/**
 * What a connection adds to each of its requests, made once.
 *
 * @param clientAddress for X-Forwarded-For
 * @param localAuthority for a request of HTTP/1.0 without Host
 * @param proto whole line
 * @param port whole line
 * @param believed whether what the client itself says of this goes before
 */
@SuppressWarnings("ArrayRecordComponent") // never compared; written into buffers
record Forwarded(byte[] clientAddress, byte[] localAuthority, byte[] proto, byte[] port, boolean believed) {
    static Forwarded of(Caller caller) {
        InetSocketAddress local = caller.local();
        String host = local.getAddress().getHostAddress();
        String authority = (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + local.getPort();
        return new Forwarded(
                Ascii.bytes(caller.client().getAddress().getHostAddress()),
                Ascii.bytes(authority),
                Ascii.bytes("X-Forwarded-Proto: " + (caller.tls() == null ? "http" : "https") + "\r\n"),
                Ascii.bytes("X-Forwarded-Port: " + local.getPort() + "\r\n"),
                caller.believed());
    }
}
