package dev.drover.controlplane.compose;

import dev.drover.controlplane.model.Discovery;
import dev.drover.controlplane.model.Service.Kind;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads what a service says about names: links, what it exposes, what is outside. */
final class NamesReader {
    static final String EXTERNAL_IMAGE = "rancher/external-service";
    static final String ALIAS_IMAGE = "rancher/dns-service";

    private static final Pattern NAME = Pattern.compile("[a-z0-9_-]{1,63}(\\.[a-z0-9_-]{1,63}){0,8}");
    private static final Pattern EXPOSED = Pattern.compile("([1-9][0-9]{0,4})(/(tcp|udp))?");
    private static final int MAX_NAME = 253;
    private static final int MAX_PORT = 65_535;

    private final Set<String> serviceNames;

    NamesReader(Set<String> serviceNames) {
        this.serviceNames = serviceNames;
    }

    /** What {@code image} stands for; null for an image of containers. */
    static @Nullable Kind kind(@Nullable String image) {
        if (image == null) {
            return null;
        }
        int colon = image.lastIndexOf(':');
        return switch (colon < 0 ? image : image.substring(0, colon)) {
            case EXTERNAL_IMAGE -> Kind.EXTERNAL;
            case ALIAS_IMAGE -> Kind.ALIAS;
            default -> null;
        };
    }

    Discovery read(Kind kind, Section docker, @Nullable Section rancher) {
        Map<String, String> links = new LinkedHashMap<>();
        for (String link : docker.strings("links")) {
            link(docker, "links", link, links);
        }
        for (String link : docker.strings("external_links")) {
            link(docker, "external_links", link, links);
        }
        if (kind == Kind.ALIAS && links.isEmpty()) {
            docker.fault("", "an alias of nothing (expected: links or external_links)");
        }
        List<String> expose = new ArrayList<>();
        for (String port : docker.strings("expose")) {
            var matcher = EXPOSED.matcher(port);
            if (matcher.matches() && Integer.parseInt(matcher.group(1)) <= MAX_PORT) {
                expose.add(port);
            } else {
                docker.fault("expose", port + " (expected: a port such as 8000 or 8000/udp)");
            }
        }
        List<String> addresses = rancher == null ? List.of() : addresses(rancher);
        String hostname = rancher == null ? null : hostname(rancher);
        external(kind, docker, rancher, addresses, hostname);
        return new Discovery(links, addresses, hostname, expose);
    }

    private static void external(
            Kind kind, Section docker, @Nullable Section rancher, List<String> addresses, @Nullable String hostname) {
        boolean told = !addresses.isEmpty() || hostname != null;
        if (kind != Kind.EXTERNAL && told && rancher != null) {
            rancher.fault(
                    hostname == null ? "external_ips" : "hostname",
                    "only for an external service (expected: image: " + EXTERNAL_IMAGE + ")");
        } else if (kind == Kind.EXTERNAL && addresses.isEmpty() == (hostname == null)) {
            docker.fault("", "external service (expected: external_ips or hostname in " + Compose.RANCHER + ")");
        }
    }

    /** {@code service}, {@code stack/service} or {@code container}, each perhaps with {@code :alias}. */
    private void link(Section docker, String key, String text, Map<String, String> links) {
        int colon = text.indexOf(':');
        String target = lower(colon < 0 ? text : text.substring(0, colon));
        String alias = lower(colon < 0 ? target.substring(target.indexOf('/') + 1) : text.substring(colon + 1));
        boolean own = key.equals("links") && target.indexOf('/') < 0;
        if (!isName(alias)) {
            docker.fault(key, text + " (expected: an alias of labels of letters, digits, - and _, with dots between)");
        } else if (target.chars().filter(c -> c == '/').count() > 1
                || target.startsWith("/")
                || target.endsWith("/")
                || target.isEmpty()) {
            docker.fault(key, text + " (expected: service, stack/service or container, perhaps with :alias)");
        } else if (own && serviceNames.stream().noneMatch(target::equalsIgnoreCase)) {
            docker.fault(key, target + ": no such service in this stack" + Suggestion.of(target, serviceNames));
        } else if (links.put(
                        alias, key.equals("links") || target.indexOf('/') >= 0 ? target : Discovery.CONTAINER + target)
                != null) {
            docker.fault(key, text + ": another link has the name " + alias);
        }
    }

    private static List<String> addresses(Section rancher) {
        List<String> addresses = new ArrayList<>();
        for (String text : rancher.strings("external_ips")) {
            try {
                addresses.add(InetAddress.ofLiteral(text).getHostAddress());
            } catch (IllegalArgumentException e) {
                rancher.fault("external_ips", text + " (expected: IP addresses)");
            }
        }
        return addresses;
    }

    private static @Nullable String hostname(Section rancher) {
        String text = rancher.string("hostname");
        if (text == null) {
            return null;
        }
        String name = lower(text.endsWith(".") ? text.substring(0, text.length() - 1) : text);
        if (!isName(name)) {
            rancher.fault("hostname", text + " (expected: a DNS name such as db.example.com)");
            return null;
        }
        return name;
    }

    private static boolean isName(String name) {
        return name.length() <= MAX_NAME && NAME.matcher(name).matches();
    }

    private static String lower(String text) {
        return text.toLowerCase(Locale.ROOT);
    }
}
