package dev.drover.overlay;

/** How packets move between TAP and underlay (docs of the module tell the needs of each). */
public enum Mode {
    /** The best that the self-test finds working. */
    AUTO,
    /**
     * Super-frames cross the tunnel whole, by a TAP with tunnel offloads whose packets the kernel redirects to the
     * underlay and cuts there as late as it can; the rest as with GSO. Linux 6.17 and later.
     */
    SUPER,
    /** User-space segmentation, one UDP_SEGMENT send a super-frame, UDP_GRO receive: Linux 5.0 and later. */
    GSO,
    /** One datagram a packet: any kernel. */
    PLAIN;

    /**
     * Of the word that configurations have for it.
     *
     * @throws IllegalArgumentException there is none of that name
     */
    public static Mode parse(String word) {
        return switch (word) {
            case "auto" -> AUTO;
            case "super" -> SUPER;
            case "gso" -> GSO;
            case "plain" -> PLAIN;
            default -> throw new IllegalArgumentException("mode: " + word + " (expected: auto, super, gso or plain)");
        };
    }
}
