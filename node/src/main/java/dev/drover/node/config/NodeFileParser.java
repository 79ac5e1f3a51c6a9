package dev.drover.node.config;

import dev.drover.dataplane.Transport;
import dev.drover.lb.LbConfig;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * Reads the static node file ({@code drover node --config}). Strict: an unknown key, a key given twice or a value out of
 * range is refused with file, line, key and what was expected; nothing is guessed and nothing silently ignored.
 */
public final class NodeFileParser {
    /** sizeof(sun_path) of unix(7) without the final zero, and room for the name under which it is made. */
    private static final int MAX_UNIX_PATH_BYTES = 103;

    private NodeFileParser() {}

    /** @throws ConfigException naming what is wrong and where */
    public static NodeFile read(Path path) {
        try {
            return parse(path.toString(), Files.readString(path, StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new ConfigException(path + ": cannot be read (" + e.getClass().getSimpleName() + ")", e);
        }
    }

    /** @param file name for messages */
    public static NodeFile parse(String file, String text) {
        YamlNode root = YamlNode.parse(file, text);
        if (root == null || root.isNull()) {
            throw new ConfigException(file + ": empty (expected: at least one of overlay, lb, dns)");
        }
        Map<String, YamlNode> keys =
                root.map(List.of("overlay", "lb", "dns", "admin", "handover", "transport"), List.of("encryption"));
        YamlNode overlay = YamlValues.present(keys.get("overlay"));
        YamlNode lb = YamlValues.present(keys.get("lb"));
        YamlNode dns = YamlValues.present(keys.get("dns"));
        YamlNode admin = YamlValues.present(keys.get("admin"));
        YamlNode handover = YamlValues.present(keys.get("handover"));
        YamlNode transport = YamlValues.present(keys.get("transport"));
        if (overlay == null && lb == null && dns == null) {
            throw root.error("nothing to run (expected: at least one of overlay, lb, dns)");
        }
        return new NodeFile(
                overlay == null ? null : OverlaySection.read(Path.of(file), overlay),
                overlay == null ? null : OverlaySection.policy(overlay),
                lb == null ? LbConfig.EMPTY : LbSection.read(Path.of(file), lb),
                dns == null ? null : DnsSection.read(Path.of(file), dns),
                admin == null ? null : admin(admin),
                handover == null ? null : handover(handover),
                transport == null ? Transport.EPOLL : transport(transport, handover != null));
    }

    private static Transport transport(YamlNode node, boolean handover) {
        return switch (node.text()) {
            case "epoll" -> Transport.EPOLL;
            case "io_uring" -> {
                if (handover) {
                    throw node.error("io_uring (expected: epoll beside handover, it alone can give sockets away)");
                }
                yield Transport.IO_URING;
            }
            default -> throw node.error(node.text() + " (expected: epoll or io_uring)");
        };
    }

    private static Path handover(YamlNode node) {
        Path path = Path.of(node.text());
        if (!path.isAbsolute() || path.getParent() == null || node.text().length() > MAX_UNIX_PATH_BYTES) {
            throw node.error(
                    path + " (expected: an absolute path of at most " + MAX_UNIX_PATH_BYTES + " bytes for a socket)");
        }
        return path;
    }

    /** {@code 9901} means that port of 127.0.0.1. */
    private static InetSocketAddress admin(YamlNode node) {
        String text = node.text();
        return text.matches("\\d+")
                ? new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), node.integer(0, 65535))
                : YamlValues.socketAddress(node, 0);
    }
}
