package dev.drover.lb.path;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which requests go to a pool, in the form they are compared with bytes of a head. Conditions that are not given hold
 * for every request.
 */
public final class Route {
    /** What a host must be like. */
    enum HostKind {
        /** The whole host. */
        EXACT,
        /** Ends with it: {@code *.example.com}. */
        SUFFIX,
        /** Begins with it: {@code example.*}. */
        PREFIX,
        ANY
    }

    /**
     * A header field that must be there.
     *
     * @param name lower case
     * @param value null for any value
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared; read by the byte
    record FieldMatch(byte[] name, byte @Nullable [] value) {}

    private final Pool pool;
    private final @Nullable Mirror mirror;
    final HostKind hostKind;
    /** Lower case, without the asterisk. */
    final byte[] host;
    /** Without a slash at its end; empty for every path. */
    final byte[] path;

    private final byte[][] methods;
    private final FieldMatch[] fields;
    /** Place in the order of its router, which sets it. */
    int rank;

    private Route(Pool pool, HostKind hostKind, String host, String path, List<String> methods, FieldMatch[] fields) {
        this.pool = pool;
        mirror = null;
        this.hostKind = hostKind;
        this.host = Ascii.bytes(host);
        this.path = Ascii.bytes(path);
        this.methods = methods.stream().map(Ascii::bytes).toArray(byte[][]::new);
        this.fields = fields;
    }

    private Route(Route of, Mirror mirror) {
        pool = of.pool;
        this.mirror = mirror;
        hostKind = of.hostKind;
        host = of.host;
        path = of.path;
        methods = of.methods;
        fields = of.fields;
    }

    /** Every request. */
    public static Route everything(Pool pool) {
        return new Route(pool, HostKind.ANY, "", "", List.of(), new FieldMatch[0]);
    }

    /**
     * @param host lower case: a name, {@code *.name}, {@code name.*}, or empty for any
     * @param path begins with a slash and has none at its end, or empty for any
     * @param methods in upper case; empty for any
     * @param fieldNames lower case
     * @param fieldValues to {@code fieldNames}; {@code *} for any value
     */
    public static Route of(
            Pool pool,
            String host,
            String path,
            List<String> methods,
            List<String> fieldNames,
            List<String> fieldValues) {
        HostKind kind = host.isEmpty()
                ? HostKind.ANY
                : host.startsWith("*") ? HostKind.SUFFIX : host.endsWith("*") ? HostKind.PREFIX : HostKind.EXACT;
        FieldMatch[] fields = new FieldMatch[fieldNames.size()];
        for (int i = 0; i < fields.length; i++) {
            String value = fieldValues.get(i);
            fields[i] = new FieldMatch(Ascii.bytes(fieldNames.get(i)), value.equals("*") ? null : Ascii.bytes(value));
        }
        return new Route(pool, kind, host.replace("*", ""), path, methods, fields);
    }

    public Pool pool() {
        return pool;
    }

    /** The same with copies of its requests for {@code to}. */
    public Route mirroredTo(Mirror to) {
        return new Route(this, to);
    }

    @Nullable
    Mirror mirror() {
        return mirror;
    }

    /** Whether every request of every host comes here, unless another route takes it before. */
    boolean unconditional() {
        return hostKind == HostKind.ANY && path.length == 0 && methods.length == 0 && fields.length == 0;
    }

    /** Whether all but the host fits. */
    boolean fits(RequestHead head) {
        return (path.length == 0 || PathPrefix.matches(path, head.bytes(), head.pathStart(), head.pathEnd()))
                && methodFits(head)
                && fieldsFit(head);
    }

    private boolean methodFits(RequestHead head) {
        if (methods.length == 0) {
            return true;
        }
        for (byte[] method : methods) {
            if (head.methodIs(method)) {
                return true;
            }
        }
        return false;
    }

    private boolean fieldsFit(RequestHead head) {
        for (FieldMatch field : fields) {
            if (!head.fields().has(field.name, field.value)) {
                return false;
            }
        }
        return true;
    }
}
