package dev.drover.dns;

import static dev.drover.dns.DnsFixture.client;
import static dev.drover.dns.DnsFixture.config;
import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Transport;
import java.io.IOException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Type;

/** Bytes that are no proper query: the exact reply, or silence, and a server that lives on. */
@Timeout(60)
abstract class MalformedContract {
    /** Long enough for a reply on loopback to arrive where none must. */
    private static final int SILENCE_MS = 150;

    private static final int REPLY_MS = 5_000;
    private static final HexFormat HEX = HexFormat.of();

    private final DnsFixture fixture = new DnsFixture(transport());
    private DnsServer server;
    private DnsClient client;

    abstract Transport transport();

    @BeforeEach
    void serve() {
        server = fixture.server();
        server.apply(config().record("web1", "10.42.1.2").build());
        client = client(server);
    }

    @AfterEach
    void stop() throws IOException {
        assertThat(client.ask("web1.", Type.A).getRcode()).as("server lives").isEqualTo(Rcode.NOERROR);
        fixture.close();
    }

    /** Q is the question {@code web1. A IN}; spaces and dots separate. */
    private static byte[] bytes(String hex) {
        return HEX.parseHex(hex.replace("Q", "04 77656231 00 0001 0001").replaceAll("[ .]", ""));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(textBlock = """
            no question,                        abcd 0100 0000 0000 0000 0000,                     abcd 8101 0000 0000 0000 0000
            question missing,                   abcd 0100 0001 0000 0000 0000,                     abcd 8101 0000 0000 0000 0000
            question cut,                       abcd 0100 0001 0000 0000 0000 04 7765,             abcd 8101 0000 0000 0000 0000
            name without end,                   abcd 0100 0001 0000 0000 0000 04 77656231,         abcd 8101 0000 0000 0000 0000
            no class,                           abcd 0100 0001 0000 0000 0000 04 77656231 00 0001, abcd 8101 0000 0000 0000 0000
            two questions,                      abcd 0100 0002 0000 0000 0000 Q Q,                 abcd 8101 0000 0000 0000 0000
            65535 questions,                    abcd 0100 ffff 0000 0000 0000 Q,                   abcd 8101 0000 0000 0000 0000
            an answer in a query,               abcd 0100 0001 0001 0000 0000 Q c00c 0001 0001 00000005 0004 0a2a0102, abcd 8101 0000 0000 0000 0000
            more additional records than sent,  abcd 0100 0001 0000 0000 0001 Q,                   abcd 8101 0000 0000 0000 0000
            more additional records than known, abcd 0100 0001 0000 0000 0003 Q,                   abcd 8101 0000 0000 0000 0000
            trailing bytes,                     abcd 0100 0001 0000 0000 0000 Q 00,                abcd 8101 0000 0000 0000 0000
            compression loop,                   abcd 0100 0001 0000 0000 0000 c00c 0001 0001,      abcd 8101 0000 0000 0000 0000
            compression loop behind a label,    abcd 0100 0001 0000 0000 0000 0161 c00c 0001 0001, abcd 8101 0000 0000 0000 0000
            compression into the header,        abcd 0100 0001 0000 0000 0000 c000 0001 0001,      abcd 8101 0000 0000 0000 0000
            compression forward,                abcd 0100 0001 0000 0000 0000 c0ff 0001 0001,      abcd 8101 0000 0000 0000 0000
            compression into a label,           abcd 0100 0001 0000 0000 0000 03 006161 c00d 0001 0001, abcd 8101 0000 0000 0000 0000
            label kind 01,                      abcd 0100 0001 0000 0000 0000 41 00 0001 0001,     abcd 8101 0000 0000 0000 0000
            label kind 10,                      abcd 0100 0001 0000 0000 0000 81 00 0001 0001,     abcd 8101 0000 0000 0000 0000
            loop in the owner of a record,      abcd 0100 0001 0000 0000 0001 Q c016 0001 0001 00000000 0000, abcd 8101 0000 0000 0000 0000
            two OPT,                            abcd 0100 0001 0000 0000 0002 Q 00 0029 04d0 00000000 0000 00 0029 04d0 00000000 0000, abcd 8101 0000 0000 0000 0000
            OPT not at the root,                abcd 0100 0001 0000 0000 0001 Q c00c 0029 04d0 00000000 0000, abcd 8101 0000 0000 0000 0000
            OPT in the authority section,       abcd 0100 0001 0000 0001 0000 Q 00 0029 04d0 00000000 0000, abcd 8101 0000 0000 0000 0000
            option longer than OPT,             abcd 0100 0001 0000 0000 0001 Q 00 0029 04d0 00000000 0004 000a 0008, abcd 8101 0000 0000 0000 0000
            data of OPT cut,                    abcd 0100 0001 0000 0000 0001 Q 00 0029 04d0 00000000 0008 000a, abcd 8101 0000 0000 0000 0000
            OPT asked for,                      abcd 0100 0001 0000 0000 0000 04 77656231 00 0029 0001, abcd 8101 0000 0000 0000 0000
            opcode IQUERY,                      abcd 0800 0001 0000 0000 0000 Q,                   abcd 8804 0000 0000 0000 0000
            opcode STATUS,                      abcd 1000 0000 0000 0000 0000,                     abcd 9004 0000 0000 0000 0000
            opcode NOTIFY,                      abcd 2400 0001 0000 0000 0000 Q,                   abcd a004 0000 0000 0000 0000
            opcode UPDATE,                      abcd 2900 0001 0000 0000 0000 Q,                   abcd a904 0000 0000 0000 0000
            opcode 15 with all flags,           abcd 7fff 0001 0000 0000 0000 Q,                   abcd f904 0000 0000 0000 0000
            """)
    void repliesWithAnErrorAndTheId(String what, String query, String reply) throws IOException {
        assertThat(client.udp(bytes(query), REPLY_MS)).asHexString().isEqualTo(hex(reply));
        try (DnsClient.Tcp connection = client.connect()) {
            connection.send(bytes(query));
            assertThat(connection.receive()).asHexString().isEqualTo(hex(reply));
        }
    }

    private static String hex(String text) {
        return HEX.withUpperCase().formatHex(bytes(text));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(textBlock = """
            plain,              abcd 0100 0001 0000 0000 0000 Q
            no recursion,       abcd 0000 0001 0000 0000 0000 Q
            AA RA TC Z AD set,  abcd 07e0 0001 0000 0000 0000 Q
            rcode set,          abcd 010f 0001 0000 0000 0000 Q
            TSIG like record,   abcd 0100 0001 0000 0000 0001 Q 00 00fa 00ff 00000000 0000
            """)
    void ignoresWhatDoesNotMatter(String what, String query) {
        byte[] reply = client.udp(bytes(query), REPLY_MS);
        Message message = DnsClient.parse(reply);
        assertThat(message.getRcode()).isEqualTo(Rcode.NOERROR);
        assertThat(reply[2] & 0x06).as("AA without TC").isEqualTo(0x04);
        assertThat(reply[3] & 0x70).as("no Z, AD, CD").isZero();
        assertThat(reply[2] & 0x01).as("RD echoed").isEqualTo(bytes(query)[2] & 0x01);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(textBlock = """
            empty,              ''
            one byte,           ab
            eleven bytes,       abcd 0100 0001 0000 0000 00
            a response,         abcd 8180 0001 0000 0000 0000 Q
            a broken response,  abcd 8180 ffff
            response to opcode, abcd f800 0001 0000 0000 0000 Q
            """)
    void isSilentTo(String what, String query) {
        assertThat(client.udp(bytes(query), SILENCE_MS)).isNull();
    }

    @Test
    void repliesFormerrToEveryPrefixOfAQuery() {
        byte[] whole = DnsClient.ednsQuery("web1.rancher.internal.", Type.A, 1232, 0, 0x8000)
                .toWire();
        for (int length = 12; length < whole.length; length++) {
            byte[] reply = client.udp(Arrays.copyOf(whole, length), REPLY_MS);
            assertThat(reply).as("prefix of %d bytes", length).hasSize(12).startsWith(whole[0], whole[1]);
            assertThat(reply[3] & 0xf).isEqualTo(Rcode.FORMERR);
        }
    }

    @Test
    void survivesRandomBytesAndRandomChangesOfAQuery() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        byte[] whole = DnsClient.ednsQuery("web1.rancher.internal.", Type.A, 1232, 0, 0x8000)
                .toWire();
        for (int i = 0; i < 2_000; i++) {
            byte[] message;
            if (i % 4 == 0) {
                message = new byte[12 + random.nextInt(500)];
                random.nextBytes(message);
            } else {
                message = whole.clone();
                for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
                    message[random.nextInt(message.length)] = (byte) random.nextInt();
                }
            }
            message[2] &= 0x7f; // a query: it must be answered
            byte[] reply = client.udp(message, REPLY_MS);
            assertThat(reply)
                    .as("seed %d message %s", seed, HEX.formatHex(message))
                    .isNotNull();
            DnsClient.parse(reply);
            assertThat(reply).startsWith(message[0], message[1]);
            assertThat(reply[2] & 0x80).isEqualTo(0x80);
        }
    }

    @Test
    void closesTcpConnectionsWithFramesOfNoUse() throws IOException {
        for (byte[] frame : new byte[][] {{0, 0}, {(byte) 0xff, (byte) 0xff}, {0x10, 0x01}}) {
            try (DnsClient.Tcp connection = client.connect()) {
                connection.out.write(frame);
                assertThat(connection.isClosedByServer())
                        .as(HEX.formatHex(frame))
                        .isTrue();
            }
        }
    }

    @Test
    void survivesRandomTcpStreams() throws IOException {
        Random random = new Random(42);
        for (int i = 0; i < 200; i++) {
            byte[] stream = new byte[random.nextInt(2_000)];
            random.nextBytes(stream);
            if (i % 2 == 0 && stream.length > 1) {
                stream[0] = 0; // a length that fits, so that bytes reach the parser
            }
            try (DnsClient.Tcp connection = client.connect()) {
                connection.out.write(stream);
            } catch (IOException e) {
                assertThat(e).as("reset by the server").isInstanceOf(java.net.SocketException.class);
            }
        }
    }
}
