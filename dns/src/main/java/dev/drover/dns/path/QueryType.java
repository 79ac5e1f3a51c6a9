package dev.drover.dns.path;

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

    static final int TYPE_A = 1;
    static final int TYPE_NS = 2;
    static final int TYPE_SOA = 6;
    static final int TYPE_AAAA = 28;
    static final int OPT = 41;
    static final int TKEY = 249;
    static final int TSIG = 250;
    static final int IXFR = 251;
    static final int AXFR = 252;
    static final int TYPE_ANY = 255;

    static QueryType of(int type) {
        return switch (type) {
            case TYPE_A -> A;
            case TYPE_AAAA -> AAAA;
            case 12 -> PTR;
            case 33 -> SRV;
            case 15 -> MX;
            case 16 -> TXT;
            case TYPE_NS -> NS;
            case TYPE_SOA -> SOA;
            case 65 -> HTTPS;
            case TYPE_ANY -> ANY;
            default -> OTHER;
        };
    }
}
