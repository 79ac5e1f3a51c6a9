package dev.drover.dns;

import dev.drover.dataplane.Cidr;
import dev.drover.dns.NameData.Srv;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Refuses names that cannot be served; the message names the key, the value and what would do. */
final class NamesCheck {
    static final String NAME_EXPECTED =
            "labels of a-z, 0-9, - and _, 1 to 63 each, separated by dots, without final dot";
    private static final int MAX_NAME_LENGTH = 253;
    private static final int MAX_TEXT_BYTES = 255;
    private static final int MAX_SHORT = 65_535;
    /** Reverse zones lie on octets: a subnet of /17 is 128 of them. */
    private static final int LEAST_REVERSE_PREFIX = 8;

    private static final int MAX_SEARCH = 6;
    private static final Pattern NAME = Pattern.compile("[a-z0-9_-]{1,63}(\\.[a-z0-9_-]{1,63})*");
    private static final Pattern TARGET = Pattern.compile("[A-Za-z0-9_-]{1,63}(\\.[A-Za-z0-9_-]{1,63})*\\.?");

    private final String zone;

    private NamesCheck(String zone) {
        this.zone = zone;
    }

    /** @throws IllegalArgumentException {@code key: value (expected: …)} */
    static void check(Names names, String zone) {
        NamesCheck check = new NamesCheck(zone);
        names.common().forEach(check::data);
        check.loops(names.common());
        names.pointers().forEach((address, name) -> check.owner("pointers", name));
        for (Cidr subnet : names.reverse()) {
            if (subnet.prefixLength() < LEAST_REVERSE_PREFIX) {
                throw refused("reverse", subnet, "a prefix of at least " + LEAST_REVERSE_PREFIX);
            }
        }
        Map<Cidr, String> sources = new HashMap<>();
        for (View view : names.views()) {
            for (Cidr source : view.sources()) {
                String other = sources.put(source, view.name());
                if (other != null) {
                    throw refused("views", source, "a source of " + view.name() + " that is not one of " + other);
                }
            }
            if (view.search().size() > MAX_SEARCH) {
                throw refused("views." + view.name() + ".search", view.search(), "at most " + MAX_SEARCH);
            }
            view.search().forEach(domain -> check.owner("views." + view.name() + ".search", domain));
            view.names().forEach(check::data);
        }
    }

    static boolean isName(String text) {
        return NAME.matcher(text).matches();
    }

    static boolean fits(String name, String zone) {
        return name.length() + 1 + zone.length() <= MAX_NAME_LENGTH;
    }

    private void owner(String key, String name) {
        if (!isName(name)) {
            throw refused(key, name, NAME_EXPECTED);
        }
        if (!fits(name, zone)) {
            throw refused(key, name, "at most " + MAX_NAME_LENGTH + " characters together with the zone");
        }
    }

    private void data(String name, NameData data) {
        owner("records", name);
        String alias = data.alias();
        if (alias != null) {
            target("records." + name, alias);
            if (!data.addresses().isEmpty()
                    || !data.services().isEmpty()
                    || !data.texts().isEmpty()) {
                throw refused("records." + name, alias, "nothing beside an alias");
            }
        }
        for (Srv service : data.services()) {
            target("records." + name, service.target());
            unsigned("priority", name, service.priority());
            unsigned("weight", name, service.weight());
            unsigned("port", name, service.port());
        }
        for (String text : data.texts()) {
            if (text.getBytes(StandardCharsets.UTF_8).length > MAX_TEXT_BYTES) {
                throw refused("records." + name, text, "at most " + MAX_TEXT_BYTES + " bytes a text");
            }
        }
    }

    private static void unsigned(String what, String name, int value) {
        if (value < 0 || value > MAX_SHORT) {
            throw refused("records." + name + "." + what, value, "0 to " + MAX_SHORT);
        }
    }

    private static void target(String key, String target) {
        if (target.length() > MAX_NAME_LENGTH || !TARGET.matcher(target).matches()) {
            throw refused(key, target, "a full name as target");
        }
    }

    /** An alias that leads back to itself would be followed for ever by whoever asks. */
    private void loops(Map<String, NameData> names) {
        names.forEach((name, data) -> {
            if (data.alias() == null) {
                return;
            }
            Set<String> seen = new HashSet<>();
            for (String at = name; at != null; at = next(names.get(at))) {
                if (!seen.add(at)) {
                    throw refused("records." + name, data.alias(), "no circle of aliases");
                }
            }
        });
    }

    private @Nullable String next(@Nullable NameData data) {
        String alias = data == null ? null : data.alias();
        if (alias == null) {
            return null;
        }
        String full = alias.endsWith(".") ? alias.substring(0, alias.length() - 1) : alias;
        return full.endsWith("." + zone) ? full.substring(0, full.length() - zone.length() - 1) : null;
    }

    private static IllegalArgumentException refused(String key, Object value, String expected) {
        return new IllegalArgumentException("dns." + key + ": " + value + " (expected: " + expected + ")");
    }
}
