package dev.drover.dns.path;

import dev.drover.dns.wire.Wire;
import io.netty.buffer.ByteBuf;
import org.jspecify.annotations.Nullable;

/**
 * Decides what a name means to a client; the one place that does, for quick answers, thorough ones and explanations.
 *
 * <p>A name under the zone is taken as it is. One without zone is looked for in the domains the client searches, then as a
 * name relative to the zone: so it is found without a search list in the resolver, and whatever its {@code ndots}. A name
 * under the zone that does not exist, but ends with a domain the client searches, was made by its resolver's search list
 * out of a shorter one: then that one is looked for, so that the first question of such a series is the last. Names that
 * exist only because of those below them ({@code stack.rancher.internal}) are not found without zone: a stack called
 * {@code com} does not take {@code com.} away.
 *
 * <p>At most eight look-ups by hash, nothing allocated. Used by one thread, for one question after the other.
 */
final class Lookup {
    private static final int MAX_LABEL = 63;
    private static final int MAX_LABELS = 127;

    private final int[] labels = new int[MAX_LABELS];
    private int count;

    /** Where the name begins, and the position behind its root. */
    int name;

    int nameEnd;
    /** Whether the name ends with the zone, and where the zone begins in it. */
    boolean underZone;

    int apex;
    Rule rule = Rule.FORWARD;
    /** What was found; {@link Node#MISSING} with {@link Rule#FORWARD} too. */
    Node node = Node.MISSING;

    /** Reads the name at {@code from}; false when it has compression pointers, is cut off or longer than 255 bytes. */
    boolean read(ByteBuf message, int from, int end) {
        name = from;
        count = 0;
        int at = from;
        while (at < end) {
            int label = message.getByte(at);
            if (label < 0 || label > MAX_LABEL || at + label >= end) {
                return false;
            }
            if (label == 0) {
                nameEnd = at + 1;
                return nameEnd - name <= Wire.MAX_NAME;
            }
            if (count == MAX_LABELS) {
                return false;
            }
            labels[count++] = at;
            at += label + 1;
        }
        return false;
    }

    /** Decides about the name that was read. */
    void find(ByteBuf message, Zone zone, @Nullable ClientView view) {
        byte[] apexWire = zone.apexWire;
        apex = nameEnd - apexWire.length;
        int relativeLabels = count - zone.apexLabels;
        underZone = startsAt(relativeLabels, apex) && NameIndex.same(apexWire, apexWire.length, message, apex);
        if (underZone) {
            if (relativeLabels == 0) {
                found(Rule.APEX, Node.APEX);
            } else {
                underZone(message, zone.index, view, relativeLabels);
            }
        } else if (count == 0) {
            found(Rule.FORWARD, Node.MISSING);
        } else {
            bare(message, zone.index, view);
        }
    }

    private void bare(ByteBuf message, NameIndex common, @Nullable ClientView view) {
        int end = nameEnd - 1;
        long hash = NameIndex.hash(message, name, end);
        if (!seen(message, common, view, end, hash, -1) && !host(message, common, end, hash)) {
            found(Rule.FORWARD, Node.MISSING);
        }
    }

    private void underZone(ByteBuf message, NameIndex common, @Nullable ClientView view, int relativeLabels) {
        long hash = NameIndex.hash(message, name, apex);
        if (view != null && own(message, view, apex, hash)) {
            return;
        }
        Node exact = common.find(message, name, apex, NameIndex.NOTHING, hash);
        if (exact != null && exact.kind() == Node.Kind.HOST) {
            found(Rule.NAME, exact);
        } else if (view == null || !expanded(message, common, view, relativeLabels)) {
            found(exact == null ? Rule.MISSING : Rule.EMPTY, exact == null ? Node.MISSING : exact);
        }
    }

    /** Takes the longest domain that the client searches off the end of the name, and looks for the rest. */
    private boolean expanded(ByteBuf message, NameIndex common, ClientView view, int relativeLabels) {
        for (int i = 0; i < view.search.length; i++) {
            byte[] domain = view.search[i];
            int end = apex - domain.length;
            int rest = relativeLabels - view.searchLabels[i];
            if (rest > 0 && startsAt(rest, end) && NameIndex.same(domain, domain.length, message, end)) {
                long hash = NameIndex.hash(message, name, end);
                if (seen(message, common, view, end, hash, i)) {
                    return true;
                }
                Node node = common.find(message, name, end, NameIndex.NOTHING, hash);
                if (node != null && node.kind() == Node.Kind.HOST) {
                    found(Rule.SEARCH, node);
                    return true;
                }
                return false;
            }
        }
        return false;
    }

    /**
     * Looks for the bytes up to {@code end} as a name of the view, then in the domains it searches.
     *
     * @param but index of a domain that was looked into before, or -1
     */
    private boolean seen(ByteBuf message, NameIndex common, @Nullable ClientView view, int end, long hash, int but) {
        if (view == null) {
            return false;
        }
        if (own(message, view, end, hash)) {
            return true;
        }
        for (int i = 0; i < view.search.length; i++) {
            if (i != but) {
                byte[] domain = view.search[i];
                Node node = common.find(message, name, end, domain, NameIndex.extend(hash, domain));
                if (node != null && node.kind() == Node.Kind.HOST) {
                    found(Rule.SEARCH, node);
                    return true;
                }
            }
        }
        return false;
    }

    private boolean own(ByteBuf message, ClientView view, int end, long hash) {
        Node node = view.own.find(message, name, end, NameIndex.NOTHING, hash);
        if (node == null) {
            return false;
        }
        found(Rule.VIEW, node);
        return true;
    }

    private boolean host(ByteBuf message, NameIndex common, int end, long hash) {
        Node node = common.find(message, name, end, NameIndex.NOTHING, hash);
        if (node == null || node.kind() != Node.Kind.HOST) {
            return false;
        }
        found(Rule.NAME, node);
        return true;
    }

    /** Whether label number {@code index} begins at {@code position}. */
    private boolean startsAt(int index, int position) {
        return index >= 0 && (index == count ? nameEnd - 1 : labels[index]) == position;
    }

    private void found(Rule why, Node what) {
        rule = why;
        node = what;
    }
}
