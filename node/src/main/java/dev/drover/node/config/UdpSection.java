package dev.drover.node.config;

import dev.drover.lb.Protocol;
import dev.drover.lb.UdpConfig;
import java.util.List;
import java.util.Map;

/** Key {@code udp} of a listener: how its sessions live. */
final class UdpSection {
    private UdpSection() {}

    static UdpConfig read(Protocol protocol, Map<String, YamlNode> listener) {
        YamlNode node = YamlValues.present(listener.get("udp"));
        if (protocol == Protocol.UDP) {
            refuse(listener);
        } else if (node != null) {
            throw node.error("beside another protocol (expected: none, or protocol: udp)");
        }
        UdpConfig standard = UdpConfig.DEFAULTS;
        if (node == null) {
            return standard;
        }
        Map<String, YamlNode> keys =
                node.map(List.of("idle", "sessions", "sessions-per-source", "responses"), List.of());
        YamlNode idle = YamlValues.present(keys.get("idle"));
        return new UdpConfig(
                idle == null ? standard.idle() : idle.duration(UdpConfig.LEAST_IDLE, UdpConfig.MOST_IDLE),
                YamlValues.integer(keys, "sessions", 1, UdpConfig.MAX_SESSIONS, standard.sessions()),
                YamlValues.integer(
                        keys, "sessions-per-source", 1, UdpConfig.MAX_SESSIONS, standard.sessionsPerSource()),
                YamlValues.integer(keys, "responses", 0, UdpConfig.MAX_RESPONSES, standard.responses()));
    }

    /** What has no meaning for datagrams. */
    private static void refuse(Map<String, YamlNode> listener) {
        for (String key : List.of("tls", "proxy-protocol", "trusted", "send-proxy", "timeouts")) {
            YamlNode node = YamlValues.present(listener.get(key));
            if (node != null) {
                throw node.error("not with protocol udp (expected: none)");
            }
        }
        YamlNode limits = YamlValues.present(listener.get("limits"));
        if (limits != null) {
            throw limits.error("not with protocol udp (expected: none, its limits are keys of udp)");
        }
    }
}
