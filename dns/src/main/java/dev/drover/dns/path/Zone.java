package dev.drover.dns.path;

import dev.drover.dns.wire.Wire;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.DClass;
import org.xbill.DNS.NSRecord;
import org.xbill.DNS.Name;
import org.xbill.DNS.NameTooLongException;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.TextParseException;

/**
 * The names we are authoritative for. Immutable but for the turn of each rotation.
 *
 * <p>A name given to {@link Builder#add} is found under the zone and also without it ({@code web.stack.}), which is the
 * search expansion that resolvers without a search list, or with more dots than their {@code ndots}, need. Empty
 * non-terminals ({@code stack.rancher.internal.}) exist under the zone only, so that a stack called {@code com} does
 * not take {@code com.} away.
 */
public final class Zone {
    /** Time a negative answer may be kept: a service that was just made must be seen at once. */
    static final int NEGATIVE_TTL_SECONDS = 1;

    private static final int REFRESH_SECONDS = 3_600;
    private static final int RETRY_SECONDS = 600;
    private static final int EXPIRE_SECONDS = 86_400;
    private static final String SERVER = "ns.dns";
    private static final String HOSTMASTER = "hostmaster";

    final Name apex;
    final int ttlSeconds;
    final NameIndex index;
    /** The apex in lower case, and what the SOA record says before and behind it, in the form of the wire. */
    final byte[] apexWire;

    final byte[] serverWire;
    final byte[] hostmasterWire;
    final byte[] soaNumbers;
    private final Name server;
    private final Name hostmaster;
    private final long serial;
    private final Map<Name, Node> nodes;
    private final int nameCount;

    private Zone(Name apex, int ttlSeconds, long serial, Map<Name, Node> nodes, int nameCount) {
        this.apex = apex;
        this.ttlSeconds = ttlSeconds;
        this.serial = serial;
        this.server = under(SERVER, apex);
        this.hostmaster = under(HOSTMASTER, apex);
        this.nodes = nodes;
        this.nameCount = nameCount;
        index = new NameIndex(nodes);
        apexWire = apex.toWireCanonical();
        serverWire = without(apexWire.length, server);
        hostmasterWire = without(apexWire.length, hostmaster);
        soaNumbers = ByteBuffer.allocate(5 * Integer.BYTES)
                .putInt((int) serial)
                .putInt(REFRESH_SECONDS)
                .putInt(RETRY_SECONDS)
                .putInt(EXPIRE_SECONDS)
                .putInt(negativeTtlSeconds())
                .array();
    }

    private static byte[] without(int apexBytes, Name name) {
        byte[] wire = name.toWire();
        return Arrays.copyOf(wire, wire.length - apexBytes);
    }

    /** Length of the SOA record whose names are pointers to the apex. */
    int soaBytes() {
        return 2 + Wire.RECORD_FIXED + serverWire.length + 2 + hostmasterWire.length + 2 + soaNumbers.length;
    }

    /** What there is at {@code name}, {@link Node#MISSING} if the zone has no such name, null if it is not ours. */
    @Nullable
    Node find(Name name) {
        Node node = nodes.get(name);
        if (node != null) {
            return node;
        }
        return name.subdomain(apex) ? Node.MISSING : null;
    }

    /** Names with addresses, as configured. */
    public int nameCount() {
        return nameCount;
    }

    /** The SOA record as answer or, with {@link #NEGATIVE_TTL_SECONDS}, in negative answers (RFC 2308 section 3). */
    SOARecord soa(Name owner, long recordTtlSeconds) {
        return new SOARecord(
                owner,
                DClass.IN,
                recordTtlSeconds,
                server,
                hostmaster,
                serial,
                REFRESH_SECONDS,
                RETRY_SECONDS,
                EXPIRE_SECONDS,
                negativeTtlSeconds());
    }

    int negativeTtlSeconds() {
        return Math.min(ttlSeconds, NEGATIVE_TTL_SECONDS);
    }

    NSRecord ns(Name owner) {
        return new NSRecord(owner, DClass.IN, ttlSeconds, server);
    }

    /** {@code relative.origin} as a name. */
    private static Name under(String relative, Name origin) {
        try {
            return Name.fromString(relative, origin);
        } catch (TextParseException e) {
            throw new IllegalArgumentException("name: " + relative + " (expected: a DNS name)", e);
        }
    }

    /**
     * One name.
     *
     * @param kind why it exists
     */
    record Node(Kind kind, Rotation v4, Rotation v6) {
        static final Node MISSING = new Node(Kind.MISSING, Rotation.NONE, Rotation.NONE);
        static final Node EMPTY = new Node(Kind.EMPTY, Rotation.NONE, Rotation.NONE);
    }

    /** Why a name exists, or that it does not. */
    enum Kind {
        MISSING,
        /** Only names below it have records. */
        EMPTY,
        HOST,
        /** Found without the zone's suffix. */
        BARE_HOST,
        APEX
    }

    /** Collects names; used by one thread, once. */
    public static final class Builder {
        private final Name apex;
        private final int ttlSeconds;
        private final Map<Name, Node> nodes = new HashMap<>();
        private int nameCount;

        /** @param zone without final dot */
        public Builder(String zone, int ttlSeconds) {
            this.apex = under(zone, Name.root);
            this.ttlSeconds = ttlSeconds;
        }

        /**
         * Adds a host.
         *
         * @param relative owner name without the zone
         * @throws IllegalArgumentException when the name is no DNS name or too long together with the zone
         */
        public void add(String relative, Collection<InetAddress> addresses) {
            Name bare = under(relative, Name.root);
            Name full;
            try {
                full = Name.concatenate(under(relative, Name.empty), apex);
            } catch (NameTooLongException e) {
                throw new IllegalArgumentException("name: " + relative + " (expected: at most 255 bytes with zone)", e);
            }
            Rotation v4 = rotation(addresses, true);
            Rotation v6 = rotation(addresses, false);
            nodes.put(full, new Node(Kind.HOST, v4, v6));
            // A name under the zone wins over one that only looks so without its suffix.
            if (!bare.subdomain(apex)) {
                nodes.put(bare, new Node(Kind.BARE_HOST, v4, v6));
            }
            addParents(full);
            nameCount++;
        }

        /**
         * The zone.
         *
         * @param serverAddresses where this server is reached, for the name in its NS record
         * @param serial of the SOA record, 32 bits
         */
        public Zone build(Collection<InetAddress> serverAddresses, long serial) {
            Name server = under(SERVER, apex);
            nodes.putIfAbsent(
                    server, new Node(Kind.HOST, rotation(serverAddresses, true), rotation(serverAddresses, false)));
            addParents(server);
            nodes.put(apex, new Node(Kind.APEX, Rotation.NONE, Rotation.NONE));
            return new Zone(apex, ttlSeconds, serial, nodes, nameCount);
        }

        private void addParents(Name full) {
            for (Name parent = new Name(full, 1); parent.labels() > apex.labels(); parent = new Name(parent, 1)) {
                if (nodes.putIfAbsent(parent, Node.EMPTY) != null) {
                    return;
                }
            }
        }

        private static Rotation rotation(Collection<InetAddress> addresses, boolean v4) {
            List<InetAddress> family = new LinkedHashSet<>(addresses)
                    .stream()
                            .filter(address -> address instanceof Inet4Address == v4)
                            .toList();
            return family.isEmpty() ? Rotation.NONE : new Rotation(family);
        }
    }
}
