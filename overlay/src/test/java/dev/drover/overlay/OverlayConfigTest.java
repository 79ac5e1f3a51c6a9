package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.dataplane.Cidr;
import java.net.InetAddress;
import java.util.List;
import org.junit.jupiter.api.Test;

class OverlayConfigTest {
    private static final OverlayConfig.Local LOCAL =
            new OverlayConfig.Local(Cidr.parse("10.42.0.0/16"), Cidr.parse("10.42.1.0/24"));

    private static OverlayConfig config(int vni, String vtep, int port, String bridge, OverlayConfig.Peer... peers) {
        return new OverlayConfig(
                vni, InetAddress.ofLiteral(vtep), port, bridge, Mode.AUTO, LOCAL, List.of(peers), List.of());
    }

    private static OverlayConfig.Peer peer(String vtep, String... subnets) {
        return new OverlayConfig.Peer(
                InetAddress.ofLiteral(vtep),
                List.of(subnets).stream().map(Cidr::parse).toList());
    }

    @Test
    void aGoodConfigurationIsTaken() {
        OverlayConfig config =
                config(16_777_215, "192.0.2.1", 65_535, "br0", peer("192.0.2.2", "10.42.2.0/24"), peer("192.0.2.3"));
        assertThat(config.peers()).hasSize(2);
        assertThat(config)
                .isEqualTo(config(
                        16_777_215, "192.0.2.1", 65_535, "br0", peer("192.0.2.2", "10.42.2.0/24"), peer("192.0.2.3")));
    }

    @Test
    void everyFaultNamesKeyValueAndExpectation() {
        refused("vni: 0 (expected: 1 to 16777215)", () -> config(0, "192.0.2.1", 4789, "br0"));
        refused("vni: 16777216 (expected: 1 to 16777215)", () -> config(1 << 24, "192.0.2.1", 4789, "br0"));
        refused("port: 0 (expected: 1 to 65535)", () -> config(1, "192.0.2.1", 0, "br0"));
        refused(
                "vtep: 0.0.0.0 (expected: a unicast address of this host, not a link-local one of IPv6)",
                () -> config(1, "0.0.0.0", 1, "br0"));
        refused(
                "vtep: 224.0.0.1 (expected: a unicast address of this host, not a link-local one of IPv6)",
                () -> config(1, "224.0.0.1", 1, "br0"));
        refused(
                "peers.vtep: 2001:db8::2 (expected: IPv4 as vtep 192.0.2.1)",
                () -> config(1, "192.0.2.1", 1, "br0", peer("2001:db8::2")));
        refused(
                "peers.vtep: 192.0.2.2 (expected: IPv6 as vtep 2001:db8::1)",
                () -> config(1, "2001:db8::1", 1, "br0", peer("192.0.2.2")));
        refused(
                "peers.vtep: 2001:db8::1 (expected: another host than vtep)",
                () -> config(1, "2001:db8::1", 1, "br0", peer("2001:db8:0::1")));
        refused(
                "vtep: fe80::1 (expected: a unicast address of this host, not a link-local one of IPv6)",
                () -> config(1, "fe80::1", 1, "br0"));
        String bridge = "1 to 15 bytes without space, / and :";
        refused("bridge:  (expected: " + bridge + ")", () -> config(1, "192.0.2.1", 1, ""));
        refused("bridge: a b (expected: " + bridge + ")", () -> config(1, "192.0.2.1", 1, "a b"));
        refused(
                "bridge: 1234567890123456 (expected: " + bridge + ")",
                () -> config(1, "192.0.2.1", 1, "1234567890123456"));
        refused(
                "peers.vtep: 192.0.2.1 (expected: another host than vtep)",
                () -> config(1, "192.0.2.1", 1, "br0", peer("192.0.2.1")));
        refused(
                "peers.vtep: 192.0.2.2 (expected: each peer once)",
                () -> config(1, "192.0.2.1", 1, "br0", peer("192.0.2.2"), peer("192.0.2.2")));
        refused(
                "peers.subnets: 10.42.1.0/28 (expected: no overlap with this host's block)",
                () -> config(1, "192.0.2.1", 1, "br0", peer("192.0.2.2", "10.42.1.0/28")));
        refused(
                "peers.subnets: 10.42.2.0/24 (expected: no overlap with those of 192.0.2.3)",
                () -> config(
                        1,
                        "192.0.2.1",
                        1,
                        "br0",
                        peer("192.0.2.2", "10.42.2.0/24"),
                        peer("192.0.2.3", "10.42.2.0/25")));
        refused(
                "local.block: 10.43.1.0/24 (expected: a part of 10.42.0.0/16)",
                () -> new OverlayConfig.Local(Cidr.parse("10.42.0.0/16"), Cidr.parse("10.43.1.0/24")));
    }

    @Test
    void inAnEncryptedOverlayEveryPeerHasAKeyOfItsOwnAndSubnets() {
        Encryption own = Encryption.generate();
        PeerKey two = Encryption.generate().publicKey();
        PeerKey three = Encryption.generate().publicKey();
        OverlayConfig config = encrypted(own, keyed("192.0.2.2", two, "10.42.2.0/24"));
        assertThat(config)
                .isEqualTo(encrypted(Encryption.parse(own.privateText()), keyed("192.0.2.2", two, "10.42.2.0/24")))
                .isNotEqualTo(encrypted(Encryption.generate(), keyed("192.0.2.2", two, "10.42.2.0/24")))
                .isNotEqualTo(encrypted(own, keyed("192.0.2.2", three, "10.42.2.0/24")));
        assertThat(config.toString()).contains(own.publicKey().toString()).doesNotContain(own.privateText());
        refused(
                "peers.public-key: missing for 192.0.2.2 (expected: a key, the overlay is encrypted)",
                () -> encrypted(own, peer("192.0.2.2", "10.42.2.0/24")));
        refused(
                "peers.subnets: none for 192.0.2.2 (expected: subnets, the overlay is encrypted)",
                () -> encrypted(own, keyed("192.0.2.2", two)));
        refused(
                "peers.public-key: " + two + " of 192.0.2.3 (expected: a key of its own for each host)",
                () -> encrypted(own, keyed("192.0.2.2", two, "10.42.2.0/24"), keyed("192.0.2.3", two, "10.42.3.0/24")));
        refused(
                "peers.public-key: " + own.publicKey() + " of 192.0.2.2 (expected: a key of its own for each host)",
                () -> encrypted(own, keyed("192.0.2.2", own.publicKey(), "10.42.2.0/24")));
        refused(
                "public-key: abc (expected: Base64 of 32 bytes, as drover overlay keygen prints it)",
                () -> PeerKey.parse("abc"));
        refused(
                "private-key: not shown (expected: Base64 of 32 bytes, as drover overlay keygen writes it)",
                () -> Encryption.parse("c2VjcmV0"));
    }

    private static OverlayConfig.Peer keyed(String vtep, PeerKey key, String... subnets) {
        return new OverlayConfig.Peer(
                InetAddress.ofLiteral(vtep),
                List.of(subnets).stream().map(Cidr::parse).toList(),
                key);
    }

    private static OverlayConfig encrypted(Encryption own, OverlayConfig.Peer... peers) {
        return new OverlayConfig(
                1, InetAddress.ofLiteral("192.0.2.1"), 4789, "br0", Mode.AUTO, LOCAL, List.of(peers), List.of(), own);
    }

    private static void refused(String message, org.assertj.core.api.ThrowableAssert.ThrowingCallable config) {
        assertThatThrownBy(config).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
    }
}
