package dev.drover.node.metadata;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Values as JSON has them: {@link Map}, {@link List}, text, numbers, booleans and null, and two that are made when they
 * are looked into, so that a deep path does not cost the whole tree.
 */
final class Tree {
    /** What a path leads to that leads nowhere. */
    static final Object MISSING = new Object();

    private Tree() {}

    /** A map whose values are made when they are asked for. */
    record Branch(Map<String, Supplier<@Nullable Object>> children) {}

    /** A list whose items are made when they are asked for; found by position, name or id. */
    record Listing<T>(List<T> items, Function<T, String> name, Function<T, String> id, Function<T, Object> view) {
        Object find(String key) {
            Integer position = position(key);
            if (position != null) {
                return position < items.size() ? view.apply(items.get(position)) : MISSING;
            }
            for (Function<T, String> property : List.of(name, id)) {
                for (T item : items) {
                    if (property.apply(item).equalsIgnoreCase(key)) {
                        return view.apply(item);
                    }
                }
            }
            return MISSING;
        }

        List<Object> all() {
            List<Object> all = new ArrayList<>(items.size());
            items.forEach(item -> all.add(view.apply(item)));
            return all;
        }
    }

    /** What the path leads to; {@link #MISSING} when there is nothing. */
    static @Nullable Object at(@Nullable Object root, List<String> path) {
        Object at = root;
        for (String key : path) {
            at = switch (at) {
                case Branch branch -> {
                    Supplier<@Nullable Object> child = branch.children().get(spelling(branch.children(), key));
                    yield child == null ? MISSING : child.get();
                }
                case Map<?, ?> map -> {
                    String spelling = spelling(map, key);
                    yield map.containsKey(spelling) ? map.get(spelling) : MISSING;
                }
                case Listing<?> listing -> listing.find(key);
                case List<?> list -> item(list, key);
                case null, default -> MISSING;
            };
        }
        return at;
    }

    /** Keys of ours are of lower case; who asks for another spelling means them. */
    private static String spelling(Map<?, ?> map, String key) {
        return map.containsKey(key) ? key : key.toLowerCase(Locale.ROOT);
    }

    private static @Nullable Object item(List<?> list, String key) {
        Integer position = position(key);
        if (position != null) {
            return position < list.size() ? list.get(position) : MISSING;
        }
        for (Object item : list) {
            if (item instanceof Map<?, ?> map && key.equals(name(map))) {
                return item;
            }
        }
        return MISSING;
    }

    private static @Nullable Integer position(String key) {
        try {
            int position = Integer.parseInt(key);
            return position < 0 ? null : position;
        } catch (NumberFormatException e) {
            return null;
        }
    }

    /** What a map in a list goes by: its name, else its id, else null. */
    static @Nullable Object name(Map<?, ?> map) {
        Object name = map.get("name");
        return name == null ? map.get("uuid") : name;
    }

    /** The value with everything in it made. */
    static @Nullable Object whole(@Nullable Object value) {
        return switch (value) {
            case Branch branch -> {
                Map<String, @Nullable Object> map = new TreeMap<>();
                branch.children().forEach((key, child) -> map.put(key, whole(child.get())));
                yield map;
            }
            case Listing<?> listing -> listing.all();
            case null, default -> value;
        };
    }
}
