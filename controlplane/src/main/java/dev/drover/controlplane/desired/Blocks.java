package dev.drover.controlplane.desired;

/** Arithmetic on a host's address block, {@code a.b.c.d/n}. */
public final class Blocks {
    private Blocks() {}

    /** The host's own overlay address. */
    static String firstAddress(String block) {
        int address = address(block.substring(0, block.indexOf('/'))) + 1;
        return (address >>> 24) + "." + (address >>> 16 & 0xff) + "." + (address >>> 8 & 0xff) + "." + (address & 0xff);
    }

    /** True when {@code address} is an IPv4 address within {@code block}. */
    public static boolean contains(String block, String address) {
        int slash = block.indexOf('/');
        int shift = 32 - Integer.parseInt(block.substring(slash + 1));
        try {
            int difference = address(block.substring(0, slash)) ^ address(address);
            return shift == 32 || difference >>> shift == 0;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static int address(String text) {
        String[] parts = text.split("\\.", -1);
        if (parts.length != 4) {
            throw new IllegalArgumentException("address: " + text + " (expected: a.b.c.d)");
        }
        int address = 0;
        for (String part : parts) {
            int octet = Integer.parseInt(part);
            if (octet < 0 || octet > 255) {
                throw new IllegalArgumentException("address: " + text + " (expected: a.b.c.d)");
            }
            address = address << 8 | octet;
        }
        return address;
    }
}
