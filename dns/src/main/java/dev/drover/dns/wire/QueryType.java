package dev.drover.dns.wire;

/** Types of question that are counted apart (IANA registry "Resource Record TYPEs"). */
public enum QueryType {
    A,
    AAAA,
    PTR,
    SRV,
    MX,
    TXT,
    NS,
    SOA,
    HTTPS,
    ANY,
    OTHER;

    public static final int TYPE_A = 1;
    public static final int TYPE_NS = 2;
    public static final int TYPE_CNAME = 5;
    public static final int TYPE_SOA = 6;
    public static final int TYPE_PTR = 12;
    public static final int TYPE_TXT = 16;
    public static final int TYPE_AAAA = 28;
    public static final int TYPE_SRV = 33;
    public static final int OPT = 41;
    public static final int TKEY = 249;
    public static final int TSIG = 250;
    public static final int IXFR = 251;
    public static final int AXFR = 252;
    public static final int TYPE_ANY = 255;

    public static QueryType of(int type) {
        return switch (type) {
            case TYPE_A -> A;
            case TYPE_AAAA -> AAAA;
            case TYPE_PTR -> PTR;
            case TYPE_SRV -> SRV;
            case 15 -> MX;
            case TYPE_TXT -> TXT;
            case TYPE_NS -> NS;
            case TYPE_SOA -> SOA;
            case 65 -> HTTPS;
            case TYPE_ANY -> ANY;
            default -> OTHER;
        };
    }
}
