package dev.drover.dns;

import static dev.drover.dns.DnsFixture.config;
import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Transport;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xbill.DNS.Rcode;

/** The resolver of glibc with the search list that containers get, in a mount namespace with its own resolv.conf. */
@Tag("root")
@Timeout(60)
final class ResolverTest {
    private static final String[] NONE = {};
    private static final String SEARCH =
            "search httpserver.hello.rancher.internal hello.rancher.internal rancher.internal";

    private final DnsFixture fixture = new DnsFixture(Transport.EPOLL);
    private DnsServer server;
    /** Port 53, as resolv.conf knows no other; an address of 127/8 that nobody else has. */
    private InetSocketAddress address;

    @TempDir
    private Path directory;

    private record Result(int exit, String output, long ms) {}

    @BeforeEach
    void serve() throws IOException {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        byte[] loopback = {127, (byte) random.nextInt(1, 255), (byte) random.nextInt(1, 255), 53};
        address = new InetSocketAddress(InetAddress.getByAddress(loopback), 53);
        server = fixture.server();
        apply(config());
    }

    private void apply(DnsFixture.Config more) {
        String[] many =
                IntStream.rangeClosed(1, 200).mapToObj(i -> "10.42.3." + i).toArray(String[]::new);
        server.apply(more.binds(address)
                .record("web1", "10.42.1.2")
                .record("httpserver.hello", "10.42.1.3")
                .record("many.hello", many)
                .build());
    }

    @AfterEach
    void stop() throws IOException {
        fixture.close();
    }

    private Result run(String options, String... command) throws Exception {
        Path resolvConf = directory.resolve("resolv.conf");
        Files.writeString(
                resolvConf, SEARCH + "\nnameserver " + address.getAddress().getHostAddress() + "\n" + options + "\n");
        String script = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
        String[] prefix = {"unshare", "--mount", "sh", "-c", script, resolvConf.toString()};
        String[] all = new String[prefix.length + command.length];
        System.arraycopy(prefix, 0, all, 0, prefix.length);
        System.arraycopy(command, 0, all, prefix.length, command.length);
        long start = System.nanoTime();
        Process process = new ProcessBuilder(all).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
        return new Result(process.exitValue(), output, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
    }

    private Result lookUp(String name) throws Exception {
        return run("", "getent", "ahosts", name);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "httpserver",
                "httpserver.hello",
                "httpserver.hello.rancher.internal",
                "httpserver.hello.rancher.internal.",
                "HTTPSERVER.Hello"
            })
    void findsAService(String name) throws Exception {
        Result result = lookUp(name);
        assertThat(result.output).contains("10.42.1.3");
        assertThat(result.exit).isZero();
        assertThat(result.ms).as("no timeout on the way").isLessThan(2_000);
    }

    @Test
    void findsAContainer() throws Exception {
        assertThat(lookUp("web1").output).contains("10.42.1.2");
    }

    @Test
    void findsAServiceWithMoreDotsThanNdots() throws Exception {
        Result result = run("options ndots:5", "getent", "ahosts", "httpserver.hello");
        assertThat(result.output).contains("10.42.1.3");
    }

    @Test
    void getsAllAddressesOverTcpWhenTheyDoNotFit() throws Exception {
        Result result = lookUp("many.hello");
        assertThat(result.output.lines().filter(line -> line.contains("STREAM")))
                .hasSize(200);
    }

    @Test
    void learnsQuicklyThatANameDoesNotExist() throws Exception {
        for (String name : new String[] {"nobody", "nobody.hello", "www.example.com"}) {
            Result result = lookUp(name);
            assertThat(result.exit).as(name).isEqualTo(2);
            assertThat(result.ms).as(name).isLessThan(2_000);
        }
    }

    @Test
    void findsOwnNamesWhileTheUpstreamIsDead() throws Exception {
        FakeUpstream silent = fixture.own(FakeUpstream.silent());
        apply(config().forward(silent.address()));
        assertThat(lookUp("httpserver").output).contains("10.42.1.3");
        assertThat(lookUp("httpserver.hello").output).contains("10.42.1.3");
        assertThat(silent.received).isEmpty();
    }

    @Test
    void findsOtherNamesAtTheUpstreamWithOneQuestionForEachFamily() throws Exception {
        FakeUpstream upstream = fixture.own(FakeUpstream.of("192.0.2.80"));
        apply(config().forward(upstream.address()));
        assertThat(lookUp("www.example.com").output).contains("192.0.2.80");
        assertThat(upstream.received).hasSizeLessThanOrEqualTo(2);
    }

    /** Names as programs ask for them, and the address they must find. */
    static Stream<Arguments> clientsAndNames() {
        return Stream.of("getent", "musl")
                .flatMap(client -> Stream.of(
                        Arguments.of(client, "httpserver", "10.42.1.3"),
                        Arguments.of(client, "httpserver.hello", "10.42.1.3"),
                        Arguments.of(client, "HTTPserver.Hello.rancher.internal", "10.42.1.3"),
                        Arguments.of(client, "web1", "10.42.1.2"),
                        Arguments.of(client, "www.example.com", "192.0.2.80"),
                        Arguments.of(client, "www.example.com.", "192.0.2.80")));
    }

    /** With ndots:5 every name goes through the whole search list first, for both families. */
    @ParameterizedTest
    @MethodSource("clientsAndNames")
    void searchListsCostFewQueriesAndFewOfThemGoUpstream(String kind, String name, String address) throws Exception {
        FakeUpstream upstream = fixture.own(new FakeUpstream((query, tcp) -> List.of(FakeUpstream.reply(
                        query, Rcode.NOERROR, query[query.length - 11 - 3] == 1 ? new String[] {"192.0.2.80"} : NONE)
                .toWire())));
        apply(config().forward(upstream.address()));
        for (String options : new String[] {"options ndots:5", "options ndots:1"}) {
            long before = server.status().queries();
            Result result = kind.equals("musl")
                    ? run(options, muslLookUp().toString(), name)
                    : run(options, "getent", "ahosts", name);
            assertThat(result.output).as(options).contains(address);
            assertThat(result.ms).as("no timeout on the way").isLessThan(2_000);
            // The search list has three entries, and there is the name itself; two families each.
            assertThat(server.status().queries() - before).isLessThanOrEqualTo(8);
        }
        // The address once, as it is kept; that there is no IPv6 address each time, as no SOA says for how long.
        assertThat(upstream.received).hasSizeLessThanOrEqualTo(3);
    }

    @ParameterizedTest
    @ValueSource(strings = {"nobody", "nobody.hello", "nobody.example.com"})
    void muslLearnsQuicklyThatANameDoesNotExist(String name) throws Exception {
        Result result = run("options ndots:5", muslLookUp().toString(), name);
        assertThat(result.exit).isEqualTo(1);
        assertThat(result.ms).isLessThan(2_000);
    }

    /** A static program that asks as every program on Alpine does; musl 1.2.3 knows no TCP. */
    private Path muslLookUp() throws Exception {
        Path source = directory.resolve("lookup.c");
        Path program = directory.resolve("lookup");
        Files.writeString(source, """
                #include <arpa/inet.h>
                #include <netdb.h>
                #include <stdio.h>

                int main(int argc, char **argv) {
                    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
                    if (argc < 2 || getaddrinfo(argv[1], 0, &hints, &found)) return 1;
                    for (; found; found = found->ai_next) {
                        char text[INET6_ADDRSTRLEN];
                        void *address = found->ai_family == AF_INET
                            ? (void *) &((struct sockaddr_in *) found->ai_addr)->sin_addr
                            : (void *) &((struct sockaddr_in6 *) found->ai_addr)->sin6_addr;
                        puts(inet_ntop(found->ai_family, address, text, sizeof text));
                    }
                }
                """);
        Process compiler = new ProcessBuilder("musl-gcc", "-static", "-o", program.toString(), source.toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(compiler.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(compiler.waitFor()).as(said).isZero();
        return program;
    }

    @Test
    void busyboxFindsAService() throws Exception {
        Result result = run("", "busybox", "nslookup", "httpserver.hello");
        assertThat(result.output).contains("10.42.1.3");
        assertThat(result.exit).isZero();
    }
}
