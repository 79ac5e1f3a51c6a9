package dev.drover.dns.wire;

/** Response codes that are counted (RFC 6895 section 2.3). */
public enum Rcode {
    NOERROR(0),
    FORMERR(1),
    SERVFAIL(2),
    NXDOMAIN(3),
    NOTIMP(4),
    REFUSED(5),
    BADVERS(16),
    OTHER(-1);

    public final int value;

    Rcode(int value) {
        this.value = value;
    }

    public static Rcode of(int value) {
        return switch (value) {
            case 0 -> NOERROR;
            case 1 -> FORMERR;
            case 2 -> SERVFAIL;
            case 3 -> NXDOMAIN;
            case 4 -> NOTIMP;
            case 5 -> REFUSED;
            case 16 -> BADVERS;
            default -> OTHER;
        };
    }
}
