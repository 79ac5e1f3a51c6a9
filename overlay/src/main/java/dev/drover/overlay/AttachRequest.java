package dev.drover.overlay;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import java.util.regex.Pattern;

/**
 * Where a container belongs in the overlay. Addresses are IPv4 in host byte order.
 *
 * @param key short Docker id: 1 to 12 letters or digits; names the host's end of the wire
 * @param namespacePath of the container's network namespace: {@code /proc/PID/ns/net}
 * @param subnet of the whole overlay
 * @param address of the container, within {@code subnet}
 * @param mac of the container's interface
 * @param gateway the host's own overlay address, within {@code subnet}
 * @param dns address of the resolver, reached through {@code gateway}
 * @param bridge that the container is plugged into; must exist
 * @param mtu of the overlay, 576 to 65535 bytes
 * @param sealed whether the overlay is encrypted, which takes room in each packet
 */
public record AttachRequest(
        String key,
        String namespacePath,
        Cidr subnet,
        int address,
        Mac mac,
        int gateway,
        int dns,
        String bridge,
        int mtu,
        boolean sealed) {
    private static final Pattern KEY = Pattern.compile("[0-9A-Za-z]{1,12}");
    private static final int MTU_MIN = 576;
    private static final int MTU_MAX = 65535;

    public AttachRequest {
        checkKey(key);
        checkWithin("address", address, subnet);
        checkWithin("gateway", gateway, subnet);
        if (address == gateway) {
            throw new IllegalArgumentException(
                    "address: " + Cidr.format(address) + " (expected: another than the gateway's)");
        }
        if (mtu < MTU_MIN || mtu > MTU_MAX) {
            throw new IllegalArgumentException("mtu: " + mtu + " (expected: " + MTU_MIN + " to " + MTU_MAX + ")");
        }
    }

    /** Without encryption. */
    public AttachRequest(
            String key,
            String namespacePath,
            Cidr subnet,
            int address,
            Mac mac,
            int gateway,
            int dns,
            String bridge,
            int mtu) {
        this(key, namespacePath, subnet, address, mac, gateway, dns, bridge, mtu, false);
    }

    static String checkKey(String key) {
        if (!KEY.matcher(key).matches()) {
            throw new IllegalArgumentException("key: " + key + " (expected: 1 to 12 letters or digits)");
        }
        return key;
    }

    private static void checkWithin(String name, int address, Cidr subnet) {
        if (!subnet.contains(address)) {
            throw new IllegalArgumentException(
                    name + ": " + Cidr.format(address) + " (expected: within " + subnet + ")");
        }
    }
}
