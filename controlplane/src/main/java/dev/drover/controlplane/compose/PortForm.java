package dev.drover.controlplane.compose;

/**
 * The short port forms {@code 8000}, {@code 9898:8000}, each with or without {@code /tcp} or {@code /udp}. A lone port is
 * published as itself.
 */
record PortForm(int host, int container, boolean udp) {
    private static final String EXPECTED = " (expected: PORT or HOSTPORT:PORT, /tcp or /udp may follow)";

    /** @throws IllegalArgumentException says what is wrong */
    static PortForm parse(String text) {
        String ports = text;
        boolean udp = false;
        int slash = text.indexOf('/');
        if (slash >= 0) {
            String protocol = text.substring(slash + 1);
            udp = protocol.equals("udp");
            if (!udp && !protocol.equals("tcp")) {
                throw new IllegalArgumentException(text + EXPECTED);
            }
            ports = text.substring(0, slash);
        }
        String[] parts = ports.split(":", -1);
        if (parts.length > 2) {
            throw new IllegalArgumentException(text
                    + ": publishing on one address is not available in this version; ports are open on every address"
                    + " of the host");
        }
        if (ports.indexOf('-') >= 0) {
            throw new IllegalArgumentException(text + ": port ranges are not available in this version");
        }
        int host = port(parts[0], text);
        return new PortForm(host, parts.length == 2 ? port(parts[1], text) : host, udp);
    }

    private static int port(String digits, String text) {
        try {
            int port = Integer.parseInt(digits);
            if (port >= 1 && port <= 65_535) {
                return port;
            }
        } catch (NumberFormatException e) {
            // reported below like a port out of range
        }
        throw new IllegalArgumentException(text + EXPECTED);
    }

    @Override
    public String toString() {
        return host + ":" + container + (udp ? "/udp" : "/tcp");
    }
}
