package dev.drover.lb.path;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;

/** Networks of both versions of IP, as a list of prefixes that is asked once per connection. */
public final class Networks {
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Prefix(byte[] address, int bits) {
        boolean contains(byte[] other) {
            if (other.length != address.length) {
                return false;
            }
            int whole = bits / 8;
            for (int i = 0; i < whole; i++) {
                if (other[i] != address[i]) {
                    return false;
                }
            }
            int rest = bits % 8;
            return rest == 0 || ((other[whole] ^ address[whole]) & 0xff) >> (8 - rest) == 0;
        }
    }

    private final List<Prefix> prefixes = new ArrayList<>();

    /**
     * @param texts each an address, or an address and a prefix length
     * @throws IllegalArgumentException naming the first that is no network
     */
    public Networks(List<String> texts) {
        for (String text : texts) {
            prefixes.add(parse(text));
        }
    }

    /** @throws IllegalArgumentException naming the first that is no network */
    public static void check(List<String> texts) {
        texts.forEach(Networks::parse);
    }

    private static Prefix parse(String text) {
        int slash = text.indexOf('/');
        String length = slash < 0 ? "" : text.substring(slash + 1);
        try {
            byte[] address = InetAddress.ofLiteral(slash < 0 ? text : text.substring(0, slash))
                    .getAddress();
            int bits = slash < 0 ? address.length * 8 : length.matches("\\d{1,3}") ? Integer.parseInt(length) : -1;
            if (bits >= 0 && bits <= address.length * 8) {
                return new Prefix(address, bits);
            }
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "network: " + text + " (expected: a network such as 10.0.0.0/8 or fd00::/8)", e);
        }
        throw new IllegalArgumentException(
                "network: " + text + " (expected: a network such as 10.0.0.0/8 or fd00::/8)");
    }

    boolean contains(InetAddress address) {
        byte[] bytes = address.getAddress();
        for (Prefix prefix : prefixes) {
            if (prefix.contains(bytes)) {
                return true;
            }
        }
        return false;
    }
}
