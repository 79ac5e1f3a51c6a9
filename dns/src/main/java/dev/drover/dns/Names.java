package dev.drover.dns;

import dev.drover.dataplane.Cidr;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The names of the zone.
 *
 * @param common what everybody sees, by owner relative to the zone, lower case
 * @param pointers address to the one name, relative to the zone, that its PTR record gives
 * @param reverse subnets whose reverse zones are ours: an address of theirs without pointer does not exist and is never
 *     asked of an upstream
 * @param views what some clients see besides
 */
public record Names(
        Map<String, NameData> common, Map<InetAddress, String> pointers, List<Cidr> reverse, List<View> views) {
    public Names {
        common = Map.copyOf(common);
        pointers = Map.copyOf(pointers);
        reverse = List.copyOf(reverse);
        views = List.copyOf(views);
    }

    /** Addresses alone, the same for everybody. */
    public static Names of(Map<String, ? extends List<? extends InetAddress>> addresses) {
        return new Names(
                addresses.entrySet().stream()
                        .collect(Collectors.toMap(Map.Entry::getKey, entry -> NameData.of(entry.getValue()))),
                Map.of(),
                List.of(),
                List.of());
    }
}
