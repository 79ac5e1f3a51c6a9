package dev.drover.dns;

import java.net.InetAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a name says. A name without any data exists, but has none to give at the moment (NODATA instead of NXDOMAIN).
 *
 * @param addresses A and AAAA records
 * @param alias target of a CNAME record, a full name with or without final dot; then there is nothing else
 * @param services SRV records
 * @param texts TXT records, one string of at most 255 bytes each
 */
public record NameData(
        List<InetAddress> addresses, @Nullable String alias, List<Srv> services, List<String> texts) {
    public NameData {
        addresses = List.copyOf(addresses);
        services = List.copyOf(services);
        texts = List.copyOf(texts);
    }

    /**
     * An SRV record (RFC 2782).
     *
     * @param target full name with or without final dot; addresses of a target of ours go along with the answer
     */
    public record Srv(int priority, int weight, int port, String target) {}

    public static NameData of(List<? extends InetAddress> addresses) {
        return new NameData(List.copyOf(addresses), null, List.of(), List.of());
    }

    public static NameData alias(String target) {
        return new NameData(List.of(), target, List.of(), List.of());
    }
}
