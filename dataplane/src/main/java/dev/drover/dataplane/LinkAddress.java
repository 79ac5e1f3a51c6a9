package dev.drover.dataplane;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * An address on an interface.
 *
 * @param linkIndex of the interface
 * @param prefixLength of its subnet, 0 to 32 or 128
 * @param scope {@link Route#SCOPE_UNIVERSE} for ordinary ones, {@link Route#SCOPE_LINK} for link-local ones
 */
public record LinkAddress(int linkIndex, InetAddress address, int prefixLength, int scope) {

    /** Null for what has no address of its own, which none of the common devices has. */
    static @Nullable LinkAddress parse(ByteBuffer message) {
        int body = Nl.HEADER_BYTES;
        NlAttributes attributes = NlAttributes.parse(message, body + Nl.IFADDRMSG_BYTES);
        InetAddress local = attributes.address(Nl.IFA_LOCAL);
        InetAddress address = local != null ? local : attributes.address(Nl.IFA_ADDRESS);
        return address == null
                ? null
                : new LinkAddress(
                        message.getInt(body + 4), address, message.get(body + 1) & 0xff, message.get(body + 3) & 0xff);
    }
}
