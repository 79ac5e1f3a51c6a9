package dev.drover.dataplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.Inet4Address;
import java.net.Inet6Address;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** What the builder writes the parsers read back; the kernel's view of the same messages is in RtnetlinkTest. */
class NlMessageTest {
    private static final Mac MAC = Mac.parse("02:00:00:00:00:01");

    @Test
    void aHeaderHasLengthTypeFlagsAndSequence() {
        ByteBuffer message = encode(new NlMessage(Nl.RTM_GETLINK, Nl.F_CREATE).ifInfo(Nl.AF_UNSPEC, 7, 1, 3));

        assertThat(message.getInt(0)).isEqualTo(message.limit()).isEqualTo(32);
        assertThat(message.getShort(4)).isEqualTo((short) 18);
        assertThat(message.getShort(6)).isEqualTo((short) (Nl.F_REQUEST | Nl.F_CREATE | Nl.F_ACK));
        assertThat(message.getInt(8)).isEqualTo(42);
        assertThat(message.getInt(20)).isEqualTo(7);
        assertThat(message.getInt(24)).isEqualTo(1);
        assertThat(message.getInt(28)).isEqualTo(3);
    }

    @Test
    void attributesArePaddedToFourBytes() {
        ByteBuffer message = encode(new NlMessage(Nl.RTM_NEWLINK, 0)
                .attributeString(1, "abcd")
                .attributeU8(2, 5)
                .attributeU32(3, -7)
                .attribute(4, new byte[] {1, 2, 3, 4, 5, 6}));
        NlAttributes attributes = NlAttributes.parse(message, Nl.HEADER_BYTES);

        assertThat(message.limit()).isEqualTo(16 + 12 + 8 + 8 + 12);
        assertThat(attributes.string(1)).isEqualTo("abcd");
        assertThat(attributes.bytes(2)).containsExactly(5);
        assertThat(attributes.u32(3, 0)).isEqualTo(-7);
        assertThat(attributes.mac(4)).isEqualTo(Mac.parse("01:02:03:04:05:06"));
        assertThat(attributes.has(5)).isFalse();
        assertThat(attributes.u32(5, 9)).isEqualTo(9);
        assertThat(attributes.string(5)).isNull();
    }

    @Test
    void nestedAttributesKeepTheirDepth() {
        ByteBuffer message = encode(new NlMessage(Nl.RTM_NEWLINK, 0)
                .nest(1, outer -> outer.attributeString(2, "veth").nest(3, inner -> inner.attributeU32(4, 5)))
                .attributeU32(6, 7));
        NlAttributes attributes = NlAttributes.parse(message, Nl.HEADER_BYTES);

        assertThat(attributes.nested(1).string(2)).isEqualTo("veth");
        assertThat(attributes.nested(1).nested(3).u32(4, 0)).isEqualTo(5);
        assertThat(attributes.u32(6, 0)).isEqualTo(7);
        assertThat(attributes.nested(9).has(1)).isFalse();
    }

    @Test
    void aLongMessageGrows() {
        byte[] value = new byte[5000];
        value[4999] = 1;
        ByteBuffer message = encode(new NlMessage(Nl.RTM_NEWLINK, 0).attribute(1, value));

        assertThat(NlAttributes.parse(message, Nl.HEADER_BYTES).bytes(1)).isEqualTo(value);
    }

    @Test
    void anAttributeThatLeavesTheMessageIsRefused() {
        ByteBuffer message = encode(new NlMessage(Nl.RTM_NEWLINK, 0).attributeU32(1, 2));
        message.putShort(Nl.HEADER_BYTES, (short) 40);

        assertThatThrownBy(() -> NlAttributes.parse(message, Nl.HEADER_BYTES))
                .hasMessage("netlink attribute length: 40 (expected: 4 to 8)");
        message.putShort(Nl.HEADER_BYTES, (short) 0);
        assertThatThrownBy(() -> NlAttributes.parse(message, Nl.HEADER_BYTES))
                .hasMessage("netlink attribute length: 0 (expected: 4 to 8)");
    }

    @Test
    void aLinkIsReadBack() {
        ByteBuffer message = encode(new NlMessage(Nl.RTM_NEWLINK, 0)
                .ifInfo(Nl.AF_UNSPEC, 5, Link.IFF_UP, 0)
                .attributeString(Nl.IFLA_IFNAME, "eth0")
                .attributeU32(Nl.IFLA_MTU, 1450)
                .attribute(Nl.IFLA_ADDRESS, MAC.bytes())
                .attributeU32(Nl.IFLA_MASTER, 3)
                .attributeU32(Nl.IFLA_LINK, 9)
                .attribute(Nl.IFLA_IFALIAS, new byte[] {'x'})
                .attributeU32(Nl.IFLA_GSO_MAX_SIZE, 61440)
                .attributeU32(Nl.IFLA_GSO_MAX_SEGS, 44)
                .nest(Nl.IFLA_LINKINFO, info -> info.attributeString(Nl.IFLA_INFO_KIND, "veth")));

        assertThat(Link.parse(message))
                .isEqualTo(new Link(5, "eth0", 1450, MAC, Link.IFF_UP, 3, "veth", 9, "x", 61440, 44));
    }

    @Test
    void anAddressIsReadBack() {
        byte[] local = {10, 42, 1, 2};
        ByteBuffer message = encode(new NlMessage(Nl.RTM_NEWADDR, 0)
                .u8(Nl.AF_INET)
                .u8(16)
                .u8(0)
                .u8(Route.SCOPE_LINK)
                .u32(5)
                .attribute(Nl.IFA_ADDRESS, new byte[] {10, 42, 1, 9})
                .attribute(Nl.IFA_LOCAL, local));

        assertThat(LinkAddress.parse(message))
                .as("the own one, not that of the other end of a point-to-point link")
                .isEqualTo(new LinkAddress(5, Inet4Address.ofLiteral("10.42.1.2"), 16, Route.SCOPE_LINK));
    }

    @Test
    void aRouteIsReadBack() {
        ByteBuffer message = encode(new NlMessage(Nl.RTM_NEWROUTE, 0)
                .u8(Nl.AF_INET6)
                .u8(0)
                .u8(0)
                .u8(0)
                .u8(Route.TABLE_MAIN)
                .u8(4)
                .u8(Route.SCOPE_UNIVERSE)
                .u8(Nl.RTN_UNICAST)
                .u32(Nl.RTNH_F_ONLINK)
                .attributeU32(Nl.RTA_OIF, 5)
                .attributeU32(Nl.RTA_PRIORITY, 100)
                .attribute(Nl.RTA_GATEWAY, Inet6Address.ofLiteral("fd00::1").getAddress()));

        assertThat(Route.parse(message))
                .isEqualTo(new Route(
                        Inet6Address.ofLiteral("::"),
                        0,
                        5,
                        Inet6Address.ofLiteral("fd00::1"),
                        null,
                        Route.SCOPE_UNIVERSE,
                        Route.TABLE_MAIN,
                        true,
                        4,
                        100));
    }

    @Test
    void aNeighbourIsReadBack() {
        ByteBuffer message = encode(new NlMessage(Nl.RTM_NEWNEIGH, 0)
                .u8(Nl.AF_BRIDGE)
                .u8(0)
                .u16(0)
                .u32(5)
                .u16(Neigh.PERMANENT)
                .u8(2)
                .u8(0)
                .attribute(Nl.NDA_LLADDR, MAC.bytes())
                .attributeU32(Nl.NDA_MASTER, 3));

        assertThat(Neigh.parse(message)).isEqualTo(new Neigh(5, null, MAC, Neigh.PERMANENT, 2, 3));
    }

    private static ByteBuffer encode(NlMessage message) {
        return ByteBuffer.wrap(message.encode(42, Nl.F_ACK)).order(ByteOrder.nativeOrder());
    }
}
