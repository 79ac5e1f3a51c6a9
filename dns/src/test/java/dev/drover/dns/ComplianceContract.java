package dev.drover.dns;

import static dev.drover.dns.DnsFixture.client;
import static dev.drover.dns.DnsFixture.config;
import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Transport;
import java.io.IOException;
import java.util.HexFormat;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xbill.DNS.EDNSOption;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Section;

/**
 * The probes of ISC's EDNS compliance tester (genreport), each sent to the apex of the zone over UDP and TCP, with all that
 * a reply may say.
 */
@Timeout(60)
abstract class ComplianceContract {
    private static final HexFormat HEX = HexFormat.of();
    private static final int REPLY_MS = 5_000;

    private final DnsFixture fixture = new DnsFixture(transport());
    private DnsClient client;

    abstract Transport transport();

    @BeforeEach
    void serve() {
        DnsServer server = fixture.server();
        server.apply(config().zone("zone.example").record("web1", "10.42.1.2").build());
        client = client(server);
    }

    @AfterEach
    void stop() throws IOException {
        fixture.close();
    }

    /**
     * Header flags in hexadecimal, type, OPT as {@code payload version flags options} in hexadecimal or none, and the reply
     * as {@link #describe} says it.
     */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            dns                        | 0000 | 0006 |                                            | noerror aa an=1
            aa                         | 0400 | 0006 |                                            | noerror aa an=1
            ad                         | 0020 | 0006 |                                            | noerror aa an=1
            cd                         | 0010 | 0006 |                                            | noerror aa cd an=1
            ra                         | 0080 | 0006 |                                            | noerror aa an=1
            rd                         | 0100 | 0006 |                                            | noerror aa rd an=1
            tc                         | 0200 | 0006 |                                            | noerror aa an=1
            zflag                      | 0040 | 0006 |                                            | noerror aa an=1
            opcode                     | 7800 | 0006 |                                            | notimp opcode=15 an=0
            opcode and flags           | 7bb0 | 0006 |                                            | notimp opcode=15 rd an=0
            type666                    | 0000 | 029a |                                            | noerror aa an=0
            edns                       | 0000 | 0006 | 1000 00 0000                               | noerror aa an=1 opt
            edns1                      | 0000 | 0006 | 1000 01 0000                               | badvers an=0 opt
            edns@512                   | 0000 | 0006 | 0200 00 0000                               | noerror aa an=1 opt
            edns@0                     | 0000 | 0006 | 0000 00 0000                               | noerror aa an=1 opt
            ednsopt                    | 0000 | 0006 | 1000 00 0000 0064 0000                     | noerror aa an=1 opt
            edns1opt                   | 0000 | 0006 | 1000 01 0000 0064 0000                     | badvers an=0 opt
            do                         | 0000 | 0006 | 1000 00 8000                               | noerror aa an=1 opt do
            docd                       | 0010 | 0006 | 1000 00 8000                               | noerror aa cd an=1 opt do
            edns1do                    | 0000 | 0006 | 1000 01 8000                               | badvers an=0 opt do
            ednsflags                  | 0000 | 0006 | 1000 00 0040                               | noerror aa an=1 opt
            ednsflags, all             | 0000 | 0006 | 1000 00 ffff                               | noerror aa an=1 opt do
            nsid                       | 0000 | 0006 | 1000 00 0000 0003 0000                     | noerror aa an=1 opt
            subnet                     | 0000 | 0006 | 1000 00 0000 0008 0004 0001 0000           | noerror aa an=1 opt
            expire                     | 0000 | 0006 | 1000 00 0000 0009 0000                     | noerror aa an=1 opt
            cookie                     | 0000 | 0006 | 1000 00 0000 000a 0008 0102030405060708    | noerror aa an=1 opt cookie=16
            cookie and edns1           | 0000 | 0006 | 1000 01 0000 000a 0008 0102030405060708    | badvers an=0 opt cookie=16
            cookie of an unknown server| 0000 | 0006 | 1000 00 0000 000a 0010 0102030405060708 0909090909090909 | noerror aa an=1 opt cookie=16
            cookie too short           | 0000 | 0006 | 1000 00 0000 000a 0007 01020304050607      | formerr an=0
            server cookie too short    | 0000 | 0006 | 1000 00 0000 000a 000c 0102030405060708 01020304 | formerr an=0
            padding                    | 0000 | 0006 | 1000 00 0000 000c 0004 00000000            | noerror aa an=1 opt
            optlist                    | 0000 | 0006 | 1000 00 0000 0003 0000 0008 0004 0001 0000 0009 0000 000a 0008 0102030405060708 | noerror aa an=1 opt cookie=16
            bind11                     | 0020 | 0006 | 1000 00 8000 000a 0008 0102030405060708    | noerror aa an=1 opt do cookie=16
            dig11                      | 0120 | 0006 | 1000 00 0000 000a 0008 0102030405060708    | noerror aa rd an=1 opt cookie=16
            """)
    void repliesAsTheStandardsSay(String probe, String flags, String type, String opt, String expected)
            throws IOException {
        byte[] query = query(flags, type, opt);
        assertThat(describe(client.udp(query, REPLY_MS))).isEqualTo(expected);
        try (DnsClient.Tcp connection = client.connect()) {
            connection.send(query);
            assertThat(describe(connection.receive())).isEqualTo(expected);
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            asked over TCP | 1000 00 0000 000b 0000 | noerror aa rd an=1 opt keepalive=100
            edns1          | 1000 01 0000 000b 0000 | badvers rd an=0 opt keepalive=100
            not asked      | 1000 00 0000           | noerror aa rd an=1 opt
            """)
    void tellsHowLongAConnectionMayBeIdle(String what, String opt, String expected) throws IOException {
        byte[] query = query("0100", "0006", opt);
        assertThat(describe(client.udp(query, REPLY_MS))).isEqualTo(expected.replaceAll(" keepalive.*", ""));
        try (DnsClient.Tcp connection = client.connect()) {
            connection.send(query);
            assertThat(describe(connection.receive())).isEqualTo(expected);
        }
    }

    /** RFC 7873 section 5.4. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            0008 0102030405060708                  | noerror an=0 opt cookie=16
            0018 0102030405060708 0909090909090909 0909090909090909 | noerror an=0 opt cookie=16
            0004 01020304                          | formerr an=0
            """)
    void givesACookieToWhoAsksNothingElse(String cookie, String expected) throws IOException {
        byte[] query = hex("abcd 0000 0000 0000 0000 0001 00 0029 04d0 00 00 0000 "
                + String.format("%04x", 2 + hex(cookie).length) + " 000a " + cookie);
        byte[] reply = client.udp(query, REPLY_MS);
        assertThat(describe(reply)).isEqualTo(expected);
        assertThat(reply[5]).as("questions").isZero();
    }

    private static byte[] query(String flags, String type, String opt) {
        String question = "04 7a6f6e65 07 6578616d706c65 00 " + type + " 0001";
        String header = "abcd " + flags + " 0001 0000 0000 " + (opt == null ? "0000 " : "0001 ");
        if (opt == null) {
            return hex(header + question);
        }
        byte[] spec = hex(opt);
        String record = HEX.formatHex(spec);
        return hex(header + question + " 00 0029 " + record.substring(0, 4) + " 00 " + record.substring(4, 10)
                + String.format("%04x", spec.length - 5) + record.substring(10));
    }

    private static byte[] hex(String text) {
        return HEX.parseHex(text.replace(" ", ""));
    }

    /** Everything a reply says but its records and ID. */
    private static String describe(byte[] wire) {
        assertThat(wire).startsWith(0xab, 0xcd);
        Message reply = DnsClient.parse(wire);
        StringBuilder text = new StringBuilder(Rcode.string(reply.getRcode()).toLowerCase(Locale.ROOT));
        if (reply.getHeader().getOpcode() != 0) {
            text.append(" opcode=").append(reply.getHeader().getOpcode());
        }
        int[] flags = {Flags.AA, Flags.TC, Flags.RD, Flags.RA, Flags.AD, Flags.CD};
        for (int flag : flags) {
            if (DnsClient.flag(reply, flag)) {
                text.append(' ').append(Flags.string(flag));
            }
        }
        if ((wire[3] & 0x40) != 0) {
            text.append(" z");
        }
        text.append(" an=").append(reply.getSection(Section.ANSWER).size());
        if (reply.getOPT() != null) {
            assertThat(reply.getOPT().getVersion()).isZero();
            assertThat(reply.getOPT().getPayloadSize()).isEqualTo(1232);
            text.append(" opt").append(reply.getOPT().getFlags() == 0x8000 ? " do" : "");
            assertThat(reply.getOPT().getFlags() & 0x7fff).isZero();
            for (EDNSOption option : reply.getOPT().getOptions()) {
                text.append(' ').append(describe(option));
            }
        }
        return text.toString();
    }

    private static String describe(EDNSOption option) {
        byte[] data = option.toWire();
        return switch (option.getCode()) {
            case 10 -> "cookie=" + (data.length - 4 - 8);
            case 11 -> "keepalive=" + ((data[4] & 0xff) << 8 | data[5] & 0xff);
            default -> "option=" + option.getCode();
        };
    }
}
