package dev.drover.node.names;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/**
 * What users of Rancher 1.x and of other resolvers complained about, as far as it concerns names; each test is called
 * after the issue it keeps away (of rancher/rancher where no other project is named).
 */
@Timeout(60)
final class NameDefectsTest {
    private static final String WEB = "web: {image: busybox, scale: 3, expose: [8000]}";

    private final NamesWorld world = new NamesWorld();

    @AfterEach
    void close() {
        world.close();
    }

    private String rcode(String name, int type) {
        return Rcode.string(world.ask(NamesWorld.HOST, name, type).getRcode());
    }

    /** "gets unhealthy IP": of several, sick ones are left out. */
    @Test
    void issue10557UnhealthyInstancesAreLeftOut() {
        world.up("hello", WEB);
        world.health("hello-web-2", "unhealthy");
        world.health("hello-web-3", "starting");
        assertThat(world.resolve(NamesWorld.HOST, "web.hello")).containsExactly(world.address("hello-web-1"));
        world.health("hello-web-2", "healthy");
        assertThat(world.resolve(NamesWorld.HOST, "web.hello")).hasSize(2);
    }

    /** rancher-dns gave the last one alone when all were sick, and all load went there. */
    @Test
    void issue10557WhenAllAreSickAllAreGiven() {
        world.up("hello", WEB);
        for (int i = 1; i <= 3; i++) {
            world.health("hello-web-" + i, "unhealthy");
        }
        assertThat(world.resolve(NamesWorld.HOST, "web.hello")).isEqualTo(world.addresses("hello/web"));
    }

    /** "container name leads to a stopped container". */
    @Test
    void issue9998AStoppedContainerHasNoName() {
        world.up("hello", WEB);
        world.stop("hello-web-1");
        assertThat(world.resolve(NamesWorld.HOST, "hello-web-1")).containsExactly("NXDOMAIN");
        assertThat(world.resolve(NamesWorld.HOST, "web.hello")).isEqualTo(world.addresses("hello/web"));
        world.drain("hello-web-2");
        assertThat(world.resolve(NamesWorld.HOST, "web.hello")).containsExactly(world.address("hello-web-3"));
    }

    /** "name for a new service takes more than 5 s": the next question sees it, and no denial was kept. */
    @Test
    void issue6532ANewServiceIsSeenByTheNextQuestion() {
        world.up("hello", WEB);
        assertThat(world.resolve("hello-web-1", "late")).containsExactly("NXDOMAIN");
        Message denial = world.ask("hello-web-1", "late.hello.rancher.internal", Type.A);
        assertThat(denial.getSection(Section.AUTHORITY).getFirst().getTTL()).isLessThanOrEqualTo(1);
        world.up("hello", WEB + "\nlate: {image: busybox}");
        assertThat(world.resolve("hello-web-1", "late")).isEqualTo(world.addresses("hello/late"));
    }

    /** "CNAME targets fail to resolve in glibc": the alias stood behind its target. */
    @Test
    void issue8946AnAliasStandsBeforeItsTarget() {
        world.up("hello", "db: {image: rancher/external-service}", "db: {hostname: www.example.com}");
        for (int i = 0; i < 5; i++) {
            List<Record> answer = world.ask(NamesWorld.HOST, "db.hello", Type.A).getSection(Section.ANSWER);
            assertThat(answer).extracting(Record::getType).containsExactly(Type.CNAME, Type.A);
        }
    }

    /** "one bad link emptied all answers". */
    @Test
    void issue4065ALinkThatLeadsNowhereConcernsNobodyElse() {
        world.up("hello", """
                version: '2'
                services:
                  web: {image: busybox, external_links: ["gone/db:db", "nobody:box", "hello/web:self"]}
                """);
        assertThat(world.resolve("hello-web-1", "web")).isEqualTo(world.addresses("hello/web"));
        assertThat(world.resolve("hello-web-1", "self")).isEqualTo(world.addresses("hello/web"));
        assertThat(world.resolve("hello-web-1", "db")).containsExactly("NXDOMAIN");
        assertThatThrownBy(() -> world.up("hello", "web: {image: busybox, links: [nobody]}"))
                .hasMessageContaining("links: nobody: no such service in this stack");
    }

    /** "alias loop: 100 % CPU". */
    @Test
    void issue7922ACircleOfAliasesEnds() {
        world.up("hello", """
                version: '2'
                services:
                  a: {image: rancher/dns-service, links: [b, web]}
                  b: {image: rancher/dns-service, links: [a]}
                  web: {image: busybox, scale: 2}
                """);
        assertThat(world.resolve(NamesWorld.HOST, "a.hello")).isEqualTo(world.addresses("hello/web"));
        assertThat(world.resolve(NamesWorld.HOST, "b.hello")).isEqualTo(world.addresses("hello/web"));
    }

    /** rancher#5041, moby/vpnkit#509: NXDOMAIN to AAAA kills the lookup of musl. */
    @Test
    void issue5041AAndAaaaAgreeAboutEveryName() {
        world.up("hello", WEB + "\nnone: {image: busybox, scale: 0}");
        for (String name : List.of(
                "web.hello", "web.hello.rancher.internal", "none.hello", "hello.rancher.internal", "hello-web-1")) {
            assertThat(rcode(name, Type.A)).as(name).isEqualTo("NOERROR");
            assertThat(rcode(name, Type.AAAA)).as(name).isEqualTo("NOERROR");
        }
        assertThat(rcode("nobody.hello.rancher.internal", Type.A)).isEqualTo("NXDOMAIN");
        assertThat(rcode("nobody.hello.rancher.internal", Type.AAAA)).isEqualTo("NXDOMAIN");
    }

    /** kubernetes#33554, #56903: what a search list makes of a name costs no question to an upstream. */
    @Test
    void kubernetes33554TheFirstQuestionOfASearchListIsTheLast() {
        world.up("hello", WEB);
        world.docker("box", 2);
        for (String name : List.of("web", "web.hello", "hello-web-2", "box")) {
            assertThat(world.resolve("hello-web-1", name + ".web.hello.rancher.internal"))
                    .as(name)
                    .isEqualTo(world.resolve("hello-web-1", name))
                    .doesNotContain("NXDOMAIN");
        }
        assertThat(world.resolve("hello-web-1", "www.example.com.web.hello.rancher.internal"))
                .containsExactly("NXDOMAIN");
        assertThat(world.resolve("hello-web-1", "www.example.com")).containsExactly("192.0.2.80");
    }

    /** kubernetes#19634, rancher-dns: private reverse names leaked to upstreams, and there was no PTR. */
    @Test
    void reverseNamesOfTheOverlayAreOursAlone() {
        world.up("hello", WEB);
        String address = world.address("hello-web-2");
        String[] octets = address.split("\\.");
        assertThat(world.records(
                        NamesWorld.HOST,
                        octets[3] + "." + octets[2] + "." + octets[1] + "." + octets[0] + ".in-addr.arpa",
                        Type.PTR))
                .containsExactly("hello-web-2.rancher.internal.");
        assertThat(rcode("250.9.42.127.in-addr.arpa", Type.PTR)).isEqualTo("NXDOMAIN");
    }

    /** rancher-dns had no SRV records; Docker's carry the type of PTR. */
    @Test
    void portsOfAServiceAreFoundBySrv() {
        world.up("hello", WEB);
        world.stop("hello-web-3");
        List<String> expected =
                List.of("0 1 8000 hello-web-1.rancher.internal.", "0 1 8000 hello-web-2.rancher.internal.");
        for (String name : List.of("_8000._tcp.web.hello", "web.hello", "_8000._tcp.web.hello.rancher.internal")) {
            assertThat(world.records(NamesWorld.HOST, name, Type.SRV)).as(name).isEqualTo(expected);
        }
        assertThat(world.ask(NamesWorld.HOST, "web.hello", Type.SRV).getSection(Section.ADDITIONAL))
                .extracting(Record::rdataToString)
                .contains(world.address("hello-web-1"), world.address("hello-web-2"));
    }

    /** CoreDNS autopath "Bugs": an address that is used again is seen as its new holder. */
    @Test
    void aFreedAddressHasNobodysView() {
        world.up("hello", WEB);
        String address = world.address("hello-web-1");
        assertThat(world.resolve(address, "web")).isEqualTo(world.addresses("hello/web"));
        world.delete("hello-web-1");
        assertThat(world.resolve(address, "web")).containsExactly("NXDOMAIN");
    }

    /** rancher-dns let any client ask with another's suffix; here the source alone decides. */
    @Test
    void linksAreSeenByTheirServiceAlone() {
        world.up("data", "db: {image: busybox}");
        world.up(
                "hello",
                "web: {image: busybox, scale: 2, external_links: ['data/db:storage']}\nother: {image: busybox, scale: 2}");
        List<String> db = world.addresses("data/db");
        for (String form : List.of("storage", "storage.data", "storage.rancher.internal", "STORAGE")) {
            assertThat(world.resolve("hello-web-1", form)).as(form).isEqualTo(db);
            assertThat(world.resolve("hello-other-1", form)).as(form).containsExactly("NXDOMAIN");
        }
    }
}
