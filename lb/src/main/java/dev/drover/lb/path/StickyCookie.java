package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * Holds a client to a target by a cookie (RFC 6265) that names the target by its token, 16 hexadecimal digits that tell
 * nothing about it.
 */
public final class StickyCookie {
    /** Hexadecimal digits of a token. */
    static final int DIGITS = 16;

    private static final byte[] SET = Ascii.bytes("Set-Cookie: ");
    private static final String ATTRIBUTES = "; Path=/; HttpOnly; SameSite=Lax";
    private static final byte[] SECURE = Ascii.bytes("; Secure");
    private static final byte[] HEX = Ascii.bytes("0123456789abcdef");

    private final byte[] name;
    private final byte[] attributes;
    private final boolean postOnly;

    /**
     * @param name a token (RFC 6265 section 4.1.1)
     * @param domain of the hosts that get it (section 5.2.3); null for the one that was asked
     * @param postOnly whether only answers to POST set it
     */
    public StickyCookie(String name, @Nullable String domain, boolean postOnly) {
        this.name = Ascii.bytes(name);
        this.postOnly = postOnly;
        attributes = Ascii.bytes(ATTRIBUTES + (domain == null ? "" : "; Domain=" + domain));
    }

    /** Whether an answer to {@code method} may set it. */
    boolean setBy(Method method) {
        return !postOnly || method == Method.POST;
    }

    /** The token in a Cookie field's value, or 0. */
    long token(byte[] bytes, int from, int to) {
        int at = from;
        while (at < to) {
            int end = at;
            while (end < to && bytes[end] != ';') {
                end++;
            }
            while (at < end && Ascii.blank(bytes[at])) {
                at++;
            }
            int value = at + name.length + 1;
            if (end - value == DIGITS && bytes[value - 1] == '=' && named(bytes, at)) {
                return hex(bytes, value);
            }
            at = end + 1;
        }
        return 0;
    }

    /** Names of cookies are case-sensitive. */
    private boolean named(byte[] bytes, int at) {
        for (int i = 0; i < name.length; i++) {
            if (bytes[at + i] != name[i]) {
                return false;
            }
        }
        return true;
    }

    private static long hex(byte[] bytes, int at) {
        long token = 0;
        for (int i = 0; i < DIGITS; i++) {
            int digit = Ascii.hex(bytes[at + i]);
            if (digit < 0) {
                return 0;
            }
            token = token << 4 | digit;
        }
        return token;
    }

    /** Room that {@link #write} needs at most. */
    int maxLineBytes() {
        return SET.length + name.length + 1 + DIGITS + attributes.length + SECURE.length + 2;
    }

    /** The value of the field that sets the cookie. */
    String value(long token, boolean encrypted) {
        String line = new String(name, StandardCharsets.ISO_8859_1)
                + '='
                + HexFormat.of().toHexDigits(token)
                + new String(attributes, StandardCharsets.ISO_8859_1);
        return encrypted ? line + new String(SECURE, StandardCharsets.ISO_8859_1) : line;
    }

    /** Writes the line that sets the cookie. */
    void write(ByteBuf out, long token, boolean secure) {
        out.writeBytes(SET);
        out.writeBytes(name);
        out.writeByte('=');
        for (int shift = 60; shift >= 0; shift -= 4) {
            out.writeByte(HEX[(int) (token >>> shift) & 15]);
        }
        out.writeBytes(attributes);
        if (secure) {
            out.writeBytes(SECURE);
        }
        out.writeByte('\r');
        out.writeByte('\n');
    }
}
