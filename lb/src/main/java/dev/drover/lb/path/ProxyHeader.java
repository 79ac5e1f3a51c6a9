package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The header of the PROXY protocol (HAProxy, doc/proxy-protocol.txt, versions 1 and 2) with which a proxy tells whose
 * connection it passes on. Strict: what two readers could take in two ways is malformed.
 *
 * <pre>
 *  0                   1                   2                   3
 *  +---------------------------------------------------------------+
 *  |        0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a  (12 bytes)        |
 *  +-------+-------+---------------+-------------------------------+
 *  | ver 2 | cmd   | family, proto |            length             |
 *  +-------+-------+---------------+-------------------------------+
 *  |  source address, destination address, source and destination  |
 *  |  port; then type, length, value …                             |
 *  +---------------------------------------------------------------+
 * </pre>
 */
final class ProxyHeader {
    /** Result of {@link #parse}. */
    enum Result {
        MORE,
        DONE,
        MALFORMED
    }

    private static final byte[] V1 = Ascii.bytes("PROXY ");
    private static final int MAX_V1_BYTES = 107;
    private static final byte[] V2 = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
    private static final int V2_FIXED_BYTES = 16;
    /** What we take; the format would allow 64 KiB. */
    private static final int MAX_V2_BYTES = 4 * 1024;

    private static final int LOCAL = 0x20;
    private static final int PROXY = 0x21;
    private static final int UNSPECIFIED = 0x00;
    private static final int TCP4 = 0x11;
    private static final int TCP6 = 0x21;
    private static final int UNIX_STREAM = 0x31;
    private static final int UNIX_BYTES = 216;
    private static final int TYPE_CRC32C = 0x03;
    private static final int CRC_BYTES = 4;
    private static final int TLV_HEAD_BYTES = 3;

    private @Nullable InetSocketAddress client;
    private @Nullable InetSocketAddress local;

    /** The client the header tells of; null when it tells none, and the connection's own ends count. */
    @Nullable
    InetSocketAddress client() {
        return client;
    }

    /** The address that client wanted; null with {@link #client}. */
    @Nullable
    InetSocketAddress local() {
        return local;
    }

    /** Takes the header from the front of {@code in}, or nothing as long as it is not whole. */
    Result parse(ByteBuf in) {
        int start = in.readerIndex();
        byte first = in.getByte(start);
        if (first != V1[0] && first != V2[0]) {
            return Result.MALFORMED;
        }
        byte[] signature = first == V1[0] ? V1 : V2;
        int length = Math.min(signature.length, in.readableBytes());
        for (int i = 0; i < length; i++) {
            if (in.getByte(start + i) != signature[i]) {
                return Result.MALFORMED;
            }
        }
        if (length < signature.length) {
            return Result.MORE;
        }
        return first == V1[0] ? version1(in) : version2(in);
    }

    // Version 1: one line of text.

    private Result version1(ByteBuf in) {
        int start = in.readerIndex();
        int end = in.indexOf(start, Math.min(in.writerIndex(), start + MAX_V1_BYTES), (byte) '\n');
        if (end < 0) {
            return in.readableBytes() < MAX_V1_BYTES ? Result.MORE : Result.MALFORMED;
        }
        if (in.getByte(end - 1) != '\r') {
            return Result.MALFORMED;
        }
        String line = in.toString(start + V1.length, end - 1 - start - V1.length, StandardCharsets.ISO_8859_1);
        in.readerIndex(end + 1);
        if (line.equals("UNKNOWN") || line.startsWith("UNKNOWN ")) {
            return line.indexOf('\r') < 0 ? Result.DONE : Result.MALFORMED;
        }
        String[] parts = line.split(" ", -1);
        if (parts.length != 5) {
            return Result.MALFORMED;
        }
        boolean six = parts[0].equals("TCP6");
        if (!six && !parts[0].equals("TCP4")) {
            return Result.MALFORMED;
        }
        InetAddress from = address(parts[1], six);
        InetAddress to = address(parts[2], six);
        int fromPort = port(parts[3]);
        int toPort = port(parts[4]);
        if (from == null || to == null || fromPort < 0 || toPort < 0) {
            return Result.MALFORMED;
        }
        client = new InetSocketAddress(from, fromPort);
        local = new InetSocketAddress(to, toPort);
        return Result.DONE;
    }

    private static @Nullable InetAddress address(String text, boolean six) {
        if (!six) {
            return four(text);
        }
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean hex = c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F';
            if (!hex && c != ':') {
                return null;
            }
        }
        if (text.indexOf(':') < 0) {
            return null;
        }
        try {
            return InetAddress.ofLiteral(text);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    /** Four decimal numbers without leading zeros. */
    private static @Nullable InetAddress four(String text) {
        String[] parts = text.split("\\.", -1);
        byte[] bytes = new byte[4];
        if (parts.length != bytes.length) {
            return null;
        }
        for (int i = 0; i < bytes.length; i++) {
            int value = number(parts[i], 255);
            if (value < 0) {
                return null;
            }
            bytes[i] = (byte) value;
        }
        return address(bytes);
    }

    private static int port(String text) {
        return number(text, 65_535);
    }

    private static int number(String text, int most) {
        if (text.isEmpty() || text.length() > 5 || text.length() > 1 && text.charAt(0) == '0') {
            return -1;
        }
        int value = 0;
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) < '0' || text.charAt(i) > '9') {
                return -1;
            }
            value = value * 10 + text.charAt(i) - '0';
        }
        return value <= most ? value : -1;
    }

    // Version 2: binary.

    private Result version2(ByteBuf in) {
        if (in.readableBytes() < V2_FIXED_BYTES) {
            return Result.MORE;
        }
        int start = in.readerIndex();
        int command = in.getUnsignedByte(start + 12);
        int family = in.getUnsignedByte(start + 13);
        int length = in.getUnsignedShort(start + 14);
        int least = least(command, family);
        if (least < 0 || length < least || V2_FIXED_BYTES + length > MAX_V2_BYTES) {
            return Result.MALFORMED;
        }
        if (in.readableBytes() < V2_FIXED_BYTES + length) {
            return Result.MORE;
        }
        byte[] header = new byte[V2_FIXED_BYTES + length];
        in.readBytes(header);
        if (command == LOCAL) {
            return Result.DONE;
        }
        if (!fieldsFit(header, V2_FIXED_BYTES + least)) {
            return Result.MALFORMED;
        }
        if (family == TCP4 || family == TCP6) {
            int bytes = family == TCP4 ? 4 : 16;
            int ports = V2_FIXED_BYTES + 2 * bytes;
            client = end(header, V2_FIXED_BYTES, bytes, ports);
            local = end(header, V2_FIXED_BYTES + bytes, bytes, ports + 2);
        }
        return Result.DONE;
    }

    /** Bytes of addresses, or -1 for what is not for a byte stream. */
    private static int least(int command, int family) {
        if (command == LOCAL) {
            return 0;
        }
        if (command != PROXY) {
            return -1;
        }
        return switch (family) {
            case UNSPECIFIED -> 0;
            case TCP4 -> 12;
            case TCP6 -> 36;
            case UNIX_STREAM -> UNIX_BYTES;
            default -> -1;
        };
    }

    /** Walks over type, length and value behind the addresses; checks the checksum when there is one. */
    private static boolean fieldsFit(byte[] header, int from) {
        int at = from;
        while (at < header.length) {
            if (header.length - at < TLV_HEAD_BYTES) {
                return false;
            }
            int length = (header[at + 1] & 0xff) << 8 | header[at + 2] & 0xff;
            int value = at + TLV_HEAD_BYTES;
            if (length > header.length - value) {
                return false;
            }
            if (header[at] == TYPE_CRC32C && !checksumFits(header, value, length)) {
                return false;
            }
            at = value + length;
        }
        return true;
    }

    private static boolean checksumFits(byte[] header, int at, int length) {
        if (length != CRC_BYTES) {
            return false;
        }
        byte[] without = header.clone();
        int told = 0;
        for (int i = at; i < at + CRC_BYTES; i++) {
            told = told << 8 | header[i] & 0xff;
            without[i] = 0;
        }
        CRC32C crc = new CRC32C();
        crc.update(without);
        return (int) crc.getValue() == told;
    }

    private static InetSocketAddress end(byte[] header, int at, int bytes, int port) {
        byte[] address = new byte[bytes];
        System.arraycopy(header, at, address, 0, bytes);
        return new InetSocketAddress(address(address), (header[port] & 0xff) << 8 | header[port + 1] & 0xff);
    }

    private static InetAddress address(byte[] bytes) {
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new IllegalStateException("address: " + bytes.length + " bytes (expected: 4 or 16)", e);
        }
    }
}
