package dev.drover.lb;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Which requests of a listener go to a pool. A condition left out holds for every request.
 *
 * @param host a name, {@code *.example.com} (any depth), {@code example.*}; empty for any
 * @param path by whole segments: {@code /foo} has {@code /foo/bar}, not {@code /foobar}; empty for any
 * @param methods any of these; empty for any
 * @param headers name to value, all of these; {@code *} is any value
 * @param priority lower is asked first, and before all without one; null to go by how exact the conditions are
 * @param mirror what gets copies of the requests; null for nothing
 */
public record RouteConfig(
        String host,
        String path,
        List<String> methods,
        Map<String, String> headers,
        @Nullable Integer priority,
        PoolConfig pool,
        @Nullable MirrorConfig mirror) {
    private static final String LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?";
    private static final String NAME = LABEL + "(\\." + LABEL + ")*";
    private static final String TOKEN = "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}";

    public RouteConfig {
        host = host.toLowerCase(Locale.ROOT);
        path = path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
        methods = List.copyOf(methods);
        Map<String, String> lower = new TreeMap<>();
        headers.forEach((name, value) -> lower.put(name.toLowerCase(Locale.ROOT), value));
        headers = Map.copyOf(lower);
        boolean literal = host.matches("\\[[0-9a-f:.]+]");
        if (!host.isEmpty()
                && !literal
                && !host.matches(NAME)
                && !host.matches("\\*\\." + NAME)
                && !host.matches(NAME + "\\.?\\*")) {
            throw new IllegalArgumentException(
                    "host: " + host + " (expected: a name, *.name or name.*, without a port)");
        }
        if (!path.isEmpty() && !path.matches("/[\\x21-\\x7e&&[^?#%\\\\]]*")) {
            throw new IllegalArgumentException(
                    "path: " + path + " (expected: a path that begins with '/', without '?', '#' and '%')");
        }
        for (String method : methods) {
            if (!method.matches(TOKEN)) {
                throw new IllegalArgumentException("methods: " + method + " (expected: names such as GET)");
            }
        }
        lower.forEach((name, value) -> {
            if (!name.matches(TOKEN) || !value.matches("[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?")) {
                throw new IllegalArgumentException(
                        "headers: " + name + "=" + value + " (expected: a field name and a value, or * for any)");
            }
        });
    }

    /** Without a mirror. */
    public RouteConfig(
            String host,
            String path,
            List<String> methods,
            Map<String, String> headers,
            @Nullable Integer priority,
            PoolConfig pool) {
        this(host, path, methods, headers, priority, pool, null);
    }

    /** A copy that sends copies of its requests there. */
    public RouteConfig withMirror(@Nullable MirrorConfig to) {
        return new RouteConfig(host, path, methods, headers, priority, pool, to);
    }

    /** All that requests of it, or copies of them, go to. */
    List<PoolConfig> pools() {
        return mirror == null ? List.of(pool) : List.of(pool, mirror.pool());
    }

    /** Every request. */
    public static RouteConfig everything(PoolConfig pool) {
        return new RouteConfig("", "", List.of(), Map.of(), null, pool);
    }

    public static RouteConfig of(String host, String path, PoolConfig pool) {
        return new RouteConfig(host, path, List.of(), Map.of(), null, pool);
    }

    boolean onlyHost() {
        return path.isEmpty() && methods.isEmpty() && headers.isEmpty();
    }

    boolean unconditional() {
        return host.isEmpty() && onlyHost();
    }

    /** The conditions in one line, the same however they were written: {@code *.example.com/foo [GET] x-canary=1}. */
    public String conditions() {
        StringBuilder text = new StringBuilder(host.isEmpty() ? "*" : host).append(path);
        if (!methods.isEmpty()) {
            text.append(' ').append(methods.stream().sorted().toList());
        }
        new TreeMap<>(headers)
                .forEach((name, value) ->
                        text.append(' ').append(name).append('=').append(value));
        return text.toString();
    }
}
