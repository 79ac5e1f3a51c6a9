package dev.drover.dns;

import dev.drover.dataplane.Cidr;
import java.util.List;
import java.util.Map;

/**
 * How some clients see the names.
 *
 * @param name for people, such as {@code hello/web}
 * @param sources where those clients come from; of several views the longest prefix counts
 * @param search domains relative to the zone, most specific first ({@code web.hello}, {@code hello}): what these clients
 *     ask without zone is looked for in them first, and a name that a resolver has put into one of them by its own search
 *     list is found at the first question
 * @param names relative to the zone; they win over the names that everybody sees
 */
public record View(String name, List<Cidr> sources, List<String> search, Map<String, NameData> names) {
    public View {
        sources = List.copyOf(sources);
        search = List.copyOf(search);
        names = Map.copyOf(names);
    }
}
