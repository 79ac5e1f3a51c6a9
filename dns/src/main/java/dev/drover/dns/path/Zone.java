package dev.drover.dns.path;

import dev.drover.dataplane.SocketName;
import dev.drover.dns.wire.Wire;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.DClass;
import org.xbill.DNS.NSRecord;
import org.xbill.DNS.Name;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.TextParseException;

/**
 * The names we are authoritative for, and how each client sees them. Immutable but for the turn of each rotation. {@link
 * Lookup} finds in it.
 */
public final class Zone {
    /** Time a negative answer may be kept: a service that was just made must be seen at once. */
    static final int NEGATIVE_TTL_SECONDS = 1;

    private static final int REFRESH_SECONDS = 3_600;
    private static final int RETRY_SECONDS = 600;
    private static final int EXPIRE_SECONDS = 86_400;
    static final String SERVER = "ns.dns";
    private static final String HOSTMASTER = "hostmaster";

    final Name apex;
    final int apexLabels;
    final int ttlSeconds;
    final NameIndex index;
    final Reverse reverse;
    /** The apex in lower case, and what the SOA record says before and behind it, in the form of the wire. */
    final byte[] apexWire;

    final byte[] serverWire;
    final byte[] hostmasterWire;
    final byte[] soaNumbers;
    private final Name server;
    private final Name hostmaster;
    private final long serial;
    private final Sources sources;
    private final int nameCount;

    Zone(
            Name apex,
            int ttlSeconds,
            long serial,
            Map<String, Node> nodes,
            Reverse reverse,
            Sources sources,
            int nameCount) {
        this.apex = apex;
        this.apexLabels = apex.labels() - 1;
        this.ttlSeconds = ttlSeconds;
        this.serial = serial;
        this.server = under(SERVER, apex);
        this.hostmaster = under(HOSTMASTER, apex);
        this.reverse = reverse;
        this.sources = sources;
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

    /** How {@code client} sees the names; null for what everybody sees. */
    @Nullable
    ClientView viewOf(InetAddress client) {
        return viewOf(SocketName.high(client), SocketName.low(client));
    }

    /** The same of a client by the halves of its address, as {@link SocketName} reads them; does not allocate. */
    @Nullable
    ClientView viewOf(long clientHigh, long clientLow) {
        return sources.of(clientHigh, clientLow);
    }

    /** Length of the SOA record whose names are pointers to the apex. */
    int soaBytes() {
        return 2 + Wire.RECORD_FIXED + serverWire.length + 2 + hostmasterWire.length + 2 + soaNumbers.length;
    }

    /** Names with records, as configured. */
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
    static Name under(String relative, Name origin) {
        try {
            return Name.fromString(relative, origin);
        } catch (TextParseException e) {
            throw new IllegalArgumentException("name: " + relative + " (expected: a DNS name)", e);
        }
    }

    static Rotation rotation(Collection<? extends InetAddress> addresses, boolean v4, int ttlSeconds) {
        List<InetAddress> family = new LinkedHashSet<InetAddress>(addresses)
                .stream()
                        .filter(address -> address instanceof Inet4Address == v4)
                        .toList();
        return family.isEmpty() ? Rotation.NONE : new Rotation(family, ttlSeconds);
    }
}
