package dev.drover.dns.path;

import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.Name;

/**
 * What there is at one name.
 *
 * @param kind why it exists, or that it does not
 * @param owner name relative to the zone, for people; empty where there is none
 * @param other what few names have; null for none
 */
record Node(
        Kind kind,
        String owner,
        Rotation v4,
        Rotation v6,
        @Nullable Other other) {
    static final Node MISSING = new Node(Kind.MISSING, "", Rotation.NONE, Rotation.NONE, null);
    static final Node EMPTY = new Node(Kind.EMPTY, "", Rotation.NONE, Rotation.NONE, null);
    static final Node APEX = new Node(Kind.APEX, "", Rotation.NONE, Rotation.NONE, null);

    /** Why a name exists, or that it does not. */
    enum Kind {
        MISSING,
        /** Only names below it have records. */
        EMPTY,
        HOST,
        APEX
    }

    /**
     * @param alias target of a CNAME record
     * @param texts strings of TXT records in the text form of RFC 1035, without quotes
     * @param pointer target of a PTR record
     * @param turn which SRV record comes first in the next answer
     */
    record Other(
            @Nullable Name alias,
            List<Service> services,
            List<String> texts,
            @Nullable Name pointer,
            AtomicInteger turn) {
        Other(@Nullable Name alias, List<Service> services, List<String> texts, @Nullable Name pointer) {
            this(
                    alias,
                    List.copyOf(services),
                    List.copyOf(texts),
                    pointer,
                    new AtomicInteger(ThreadLocalRandom.current().nextInt(Math.max(1, services.size()))));
        }
    }

    /** Data of an SRV record (RFC 2782). */
    record Service(int priority, int weight, int port, Name target) {}

    static Node pointer(Name target) {
        return new Node(Kind.HOST, "", Rotation.NONE, Rotation.NONE, new Other(null, List.of(), List.of(), target));
    }

    @Nullable
    Name alias() {
        return other == null ? null : other.alias;
    }
}
