package dev.drover.controlplane.desired;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.controlplane.Samples;
import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.DesiredItem.Endpoints;
import dev.drover.controlplane.link.DesiredItem.Listener;
import dev.drover.controlplane.link.DesiredItem.Name;
import dev.drover.controlplane.link.DesiredItem.Neighbour;
import dev.drover.controlplane.link.DesiredItem.Peer;
import dev.drover.controlplane.link.DesiredItem.Target;
import dev.drover.controlplane.link.DesiredItem.Workload;
import dev.drover.controlplane.link.LinkCodec;
import dev.drover.controlplane.link.Up;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.model.Certificate;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Discovery;
import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Instance.Phase;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Service.PortRule;
import dev.drover.controlplane.policy.NetworkPolicy;
import dev.drover.controlplane.repository.Versioned;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;

class DesiredTest {
    private final List<Host> hosts = new ArrayList<>(List.of(Samples.host(1), Samples.host(2)));
    private final List<Service> services = new ArrayList<>();
    private final List<Certificate> certificates = new ArrayList<>();
    private final List<Versioned<Instance>> instances = new ArrayList<>();
    private final List<Versioned<Container>> containers = new ArrayList<>();
    private Environment environment = Samples.environment();
    private long revision = 10;

    @Test
    void nodeLearnsItsPeersAndTheContainersOfOthers() {
        container("h1", Samples.running("c1", "a", "10.42.1.2", null));
        container("h2", Samples.running("c2", "b", "10.42.2.2", null));
        container("h2", Samples.container("c3", "gone", "exited", "2026-11-22T10:00:00Z", "10.42.2.3", null));
        assertThat(withoutAbout(of("h1")))
                .containsOnly(
                        Map.entry("peer/h2", new Peer("h2", "192.0.2.12", "10.42.2.0/24")),
                        Map.entry("neighbour/10.42.2.2", new Neighbour("10.42.2.2", "02:00:00:00:00:01", "h2", 12)),
                        Map.entry("name/a", new Name("a", List.of("10.42.1.2"))),
                        Map.entry("name/b", new Name("b", List.of("10.42.2.2"))));
    }

    @Test
    void inAnEncryptedEnvironmentPeersHaveTheKeysTheyTold() {
        Host told = Samples.host(2);
        Up.HostFacts facts = told.facts();
        hosts.set(
                1,
                new Host(
                        told.id(),
                        told.environmentId(),
                        told.name(),
                        told.machineId(),
                        told.vtep(),
                        told.labels(),
                        told.block(),
                        told.keyHash(),
                        new Up.HostFacts(
                                facts.vtep(), facts.labels(), facts.engine(), facts.kernel(), 2, 1 << 30, "public")));
        assertThat(of("h1")).containsEntry("peer/h2", new Peer("h2", "192.0.2.12", "10.42.2.0/24", null));
        Environment e = environment;
        environment = new Environment(
                e.id(), e.name(), e.orchestrator(), e.subnet(), e.vni(), e.port(), e.blockPrefix(), true, null);
        assertThat(of("h1")).containsEntry("peer/h2", new Peer("h2", "192.0.2.12", "10.42.2.0/24", "public"));
        assertThat(of("h2")).containsEntry("peer/h1", new Peer("h1", "192.0.2.11", "10.42.1.0/24", null));
    }

    private static final NetworkPolicy LINKED =
            new NetworkPolicy("deny", List.of(new NetworkPolicy.Rule("linked", null, null, null, "allow")));

    @Test
    void nodesAreToldWhichServicesAreLinkedWhileTheyHaveContainers() {
        environment = environment.withPolicy(LINKED);
        services.add(Samples.service("web", 1, 1, Map.of("io.rancher.sidekicks", "log"), Samples.spec("i")));
        services.add(named("log", Service.Kind.SERVICE, Discovery.NONE));
        services.add(named("db", Service.Kind.SERVICE, Discovery.NONE));
        services.add(named("alias", Service.Kind.ALIAS, links(Map.of("x", "db"))));
        services.add(named(
                "app", Service.Kind.SERVICE, links(Map.of("a", "alias", "w", "hello/log", "c", "container:Solo"))));
        instance("i1", "svc-web", "10.42.1.2");
        instance("i2", "svc-log", "10.42.1.3");
        instance("i3", "svc-db", "10.42.1.4");
        assertThat(linked()).as("app has no containers").isEmpty();

        DesiredState before = state();
        instance("i4", "svc-app", "10.42.2.4");
        assertThat(of("h1").get("policy"))
                .isEqualTo(new DesiredItem.Policy(
                        false,
                        List.of("linked"),
                        List.of(new DesiredItem.PolicyRule(0, 0, false, true, "within linked: allow", true))));
        assertThat(linked())
                .as("by an alias, and a sidekick is one with its service")
                .containsExactly("linked/hello/app>hello/db", "linked/hello/app>hello/web");
        assertThat(member("10.42.1.3")).containsExactly("hello/web");
        assertThat(state().since(before, "h2").put().keySet())
                .as("changes only")
                .contains("linked/hello/app>hello/db", "member/10.42.2.4")
                .doesNotContain("policy", "member/10.42.1.4");

        container("h2", Samples.running("c9", "solo", "10.42.2.9", null));
        assertThat(linked()).contains("linked/hello/app>container:solo").hasSize(3);
        services.removeIf(service -> service.name().equals("app"));
        services.add(named("app", Service.Kind.SERVICE, links(Map.of("c", "container:hello-db-3"))));
        container("h2", Samples.running("c8", "hello-db-3", "10.42.2.8", null));
        assertThat(linked()).containsExactly("linked/hello/app>container:hello-db-3");
        assertThat(member("10.42.2.9")).as("of no link any more").containsExactly("");
    }

    private static Discovery links(Map<String, String> links) {
        return new Discovery(links, List.of(), null, List.of());
    }

    private List<String> linked() {
        return of("h1").keySet().stream()
                .filter(key -> key.startsWith("linked/"))
                .toList();
    }

    private List<String> member(String address) {
        return ((DesiredItem.Member) of("h1").get("member/" + address)).groups();
    }

    private void instance(String id, String serviceId, String address) {
        String hostId = "h" + address.charAt(6);
        instances.add(new Versioned<>(
                new Instance(id, Samples.ENV, serviceId, 1, id, hostId, 1, Samples.spec("i"), Phase.ACTIVE, 0),
                1,
                ++revision));
        container(hostId, Samples.running("c" + id, id, address, id));
    }

    @Test
    void aSidekickIsWithinTheServiceItBelongsTo() {
        environment = environment.withPolicy(POLICY);
        services.add(Samples.service("web", 1, 1, Map.of("io.rancher.sidekicks", "log"), Samples.spec("i")));
        services.add(named("log", Service.Kind.SERVICE, Discovery.NONE));
        instance("i1", "svc-web", "10.42.1.2");
        instance("i2", "svc-log", "10.42.1.3");
        assertThat(member("10.42.1.3")).isEqualTo(member("10.42.1.2")).containsExactly("hello/web", "");
    }

    private static final NetworkPolicy POLICY = new NetworkPolicy(
            "deny",
            List.of(
                    new NetworkPolicy.Rule("service", null, null, null, "allow"),
                    new NetworkPolicy.Rule(null, new NetworkPolicy.Between("tier", null), null, null, "allow")));

    @Test
    void everyNodeIsToldThePolicyAndTheGroupsOfEveryContainer() {
        services.add(Samples.service(1));
        instance("i1", 1, "h1", Phase.ACTIVE, "10.42.1.2", Samples.spec("i"));
        container("h2", Samples.running("c2", "b", "10.42.2.2", null));
        assertThat(of("h1").keySet()).noneMatch(key -> key.startsWith("member/") || key.equals("policy"));
        DesiredState before = state();

        environment = environment.withPolicy(POLICY);

        for (String host : List.of("h1", "h2")) {
            assertThat(of(host))
                    .containsEntry(
                            "policy",
                            new DesiredItem.Policy(
                                    false,
                                    List.of("service", "label tier"),
                                    List.of(
                                            new DesiredItem.PolicyRule(0, 0, true, true, "within service: allow"),
                                            new DesiredItem.PolicyRule(1, 1, true, true, "between same tier: allow"))))
                    .containsEntry(
                            "member/10.42.1.2",
                            new DesiredItem.Member("10.42.1.2", "hello-web-1", List.of("hello/web", "")))
                    .containsEntry("member/10.42.2.2", new DesiredItem.Member("10.42.2.2", "b", List.of("", "")));
        }
        DesiredState with = state();
        assertThat(with.since(before, "h1").put().keySet())
                .containsExactly("member/10.42.1.2", "member/10.42.2.2", "policy");
        container("h2", Samples.running("c3", "c", "10.42.2.3", null));
        assertThat(state().since(with, "h1").put().keySet())
                .as("changes only")
                .containsExactly("about/container/c3", "member/10.42.2.3", "name/c", "neighbour/10.42.2.3");
        environment = environment.withPolicy(new NetworkPolicy("allow", List.of()));
        assertThat(of("h1").keySet()).noneMatch(key -> key.startsWith("member/") || key.equals("policy"));
    }

    @Test
    void serviceNameExistsWithoutInstancesAndLosesDrainingOnesAtOnce() {
        services.add(Samples.service(2));
        assertThat(name("web.hello")).isEmpty();
        instance("i2", 2, "h2", Phase.ACTIVE, "10.42.2.2", Samples.spec("i"));
        instance("i1", 1, "h1", Phase.ACTIVE, "10.42.1.2", Samples.spec("i"));
        instance("i3", 3, "h1", Phase.DRAINING, "10.42.1.3", Samples.spec("i"));
        assertThat(name("web.hello")).containsExactly("10.42.1.2", "10.42.2.2");
        assertThat(name("hello-web-3")).containsExactly("10.42.1.3");
    }

    @Test
    void serviceNameWinsOverAContainerOfThatNameAndTheNewestContainerOverOlderOnes() {
        services.add(Samples.service(0));
        container("h1", Samples.running("c1", "web.hello", "10.42.1.2", null));
        container("h1", Samples.container("c2", "Twin", "running", "2026-11-22T10:00:00Z", "10.42.1.3", null));
        container("h2", Samples.container("c3", "twin", "running", "2026-11-22T10:00:00.5Z", "10.42.2.3", null));
        assertThat(name("web.hello")).isEmpty();
        assertThat(name("twin")).containsExactly("10.42.2.3");
    }

    @Test
    void loadBalancerListensEverywhereAndKeepsDrainingTargetsMarked() {
        services.add(Samples.service(2));
        services.add(Samples.balancer(new PortRule(9898, "http", "web", 8000), new PortRule(99, "udp", "x/y", 1)));
        instance("i1", 1, "h1", Phase.DRAINING, "10.42.1.2", Samples.spec("i"));
        instance("i2", 2, "h2", Phase.ACTIVE, "10.42.2.2", Samples.spec("i"));
        instance("i3", 3, "h2", Phase.ACTIVE, null, Samples.spec("i"));
        for (String host : List.of("h1", "h2")) {
            assertThat(of(host))
                    .containsEntry(
                            "listener/svc-lb/9898",
                            new Listener(
                                    "lb.hello:9898",
                                    9898,
                                    "http",
                                    "round-robin",
                                    List.of(
                                            new Target("i1", "10.42.1.2:8000", true),
                                            new Target("i2", "10.42.2.2:8000", false))))
                    .containsEntry(
                            "listener/svc-lb/99", new Listener("lb.hello:99", 99, "udp", "round-robin", List.of()));
        }
        Endpoints ports = new Endpoints(List.of(), List.of(""), List.of("9898/tcp", "99/udp"), null);
        assertThat(of("h1")).containsEntry("name/lb.hello", new Name("lb.hello", List.of("10.42.1.1"), ports));
        assertThat(of("h2")).containsEntry("name/lb.hello", new Name("lb.hello", List.of("10.42.2.1"), ports));
    }

    @Test
    void rulesOfOnePortAreRoutesOfOneListener() {
        services.add(Samples.service(2));
        services.add(Samples.balancer(
                new PortRule(80, "http", "web", 1, "a.example.com", "/x", 3, 9, "c", "maglev"),
                new PortRule(80, "http", "web", 2, null, null, null, null, null, "maglev"),
                new PortRule(80, "http", "web", 3, null, null, null, 0, null, "maglev")));
        instance("i1", 1, "h1", Phase.ACTIVE, "10.42.1.2", Samples.spec("i"));
        assertThat(of("h1").get("listener/svc-lb/80"))
                .isEqualTo(new Listener(
                        "lb.hello:80",
                        80,
                        "http",
                        "maglev",
                        List.of(),
                        List.of(
                                new DesiredItem.Route(
                                        "a.example.com",
                                        "/x",
                                        3,
                                        "c",
                                        List.of(new Target("i1", "10.42.1.2:1", false, 9))),
                                new DesiredItem.Route(
                                        null,
                                        null,
                                        null,
                                        null,
                                        List.of(
                                                new Target("i1", "10.42.1.2:2", false, null),
                                                new Target("i1", "10.42.1.2:3", false, 0))))));
    }

    @Test
    void aListenerIsServedAsItsLoadBalancerSays() {
        services.add(Samples.service(1));
        Service.Serving serving =
                new Service.Serving(Map.of("limits.body-bytes", 1_000L), "combined", "example.com", true);
        Service.TargetTls tls = new Service.TargetTls(List.of(), "shop.internal", true);
        services.add(Samples.balancer(
                new PortRule(80, "http", "web", 1, null, null, null, null, "c", null, null, serving, tls)));
        assertThat(of("h1").get("listener/svc-lb/80"))
                .asInstanceOf(InstanceOfAssertFactories.type(Listener.class))
                .satisfies(listener -> {
                    assertThat(listener.limits()).containsExactly(Map.entry("limits.body-bytes", 1_000L));
                    assertThat(listener.accessLog()).isEqualTo("combined");
                    assertThat(listener.routes()).singleElement().satisfies(route -> {
                        assertThat(route.cookie()).isEqualTo(new DesiredItem.Cookie("example.com", true));
                        assertThat(route.targetTls())
                                .isEqualTo(new DesiredItem.TargetTls(List.of(), "shop.internal", true));
                    });
                });
    }

    @Test
    void aListenerWithTlsComesWithItsCertificatesAndNoOthers() {
        services.add(Samples.service(1));
        certificates.add(new Certificate(Samples.ENV, "web", "chain", "secret"));
        certificates.add(new Certificate(Samples.ENV, "unused", "chain", "secret"));
        services.add(Samples.balancer(new PortRule(
                443, "http", "web", 1, null, null, null, null, null, null, new Service.Tls(List.of("web"), null))));
        instance("i1", 1, "h1", Phase.ACTIVE, "10.42.1.2", Samples.spec("i"));
        for (String host : List.of("h1", "h2")) {
            assertThat(of(host))
                    .containsEntry("certificate/web", new DesiredItem.Certificate("web", "chain", "secret"))
                    .doesNotContainKey("certificate/unused");
            assertThat(of(host).get("listener/svc-lb/443"))
                    .asInstanceOf(InstanceOfAssertFactories.type(Listener.class))
                    .satisfies(listener ->
                            assertThat(listener.tls()).isEqualTo(new DesiredItem.Tls(List.of("web"), true)));
        }
        assertThat(certificates.toString() + of("h1")).doesNotContain("secret");
    }

    /** Rancher: the selected service's own rules say where, else the load balancer's rule does. */
    @Test
    void aSelectorTakesServicesByTheirLabelsWithTheirOwnRules() {
        services.add(labelled("web", List.of(new PortRule(0, "", "", 8000, "a.example.com", "/x", 2, 5, null, null))));
        services.add(labelled("api", List.of()));
        services.add(Samples.service("other", 1, 1, Map.of("tier", "back"), Samples.spec("i")));
        services.add(Samples.balancer(
                new PortRule(80, "http", "selector:tier=front", 9000, null, null, null, null, "c", null),
                new PortRule(81, "http", "selector:tier=none", 1)));
        instance("i1", 1, "h1", Phase.ACTIVE, "10.42.1.2", Samples.spec("i"));
        assertThat(of("h1").get("listener/svc-lb/80"))
                .isEqualTo(new Listener(
                        "lb.hello:80",
                        80,
                        "http",
                        "round-robin",
                        List.of(),
                        List.of(
                                new DesiredItem.Route(null, null, null, "c", List.of()),
                                new DesiredItem.Route(
                                        "a.example.com",
                                        "/x",
                                        2,
                                        "c",
                                        List.of(new Target("i1", "10.42.1.2:8000", false, 5))))));
        assertThat(of("h1")).doesNotContainKey("listener/svc-lb/81");
        assertThat(of("h1").get("listener/svc-web/0")).isNull();
    }

    private static Service labelled(String name, List<PortRule> rules) {
        Service s = Samples.service(name, 1, 1, Map.of("tier", "front"), Samples.spec("i"));
        return new Service(
                s.id(),
                s.environmentId(),
                s.stackId(),
                s.stackName(),
                s.name(),
                s.kind(),
                1,
                false,
                1,
                s.spec(),
                rules,
                s.labels(),
                1,
                30_000,
                false);
    }

    @Test
    void rulesLeadToContainersExternalServicesAndAliasesToo() {
        services.add(named(
                "ext",
                Service.Kind.EXTERNAL,
                new Discovery(Map.of(), List.of("192.0.2.9", "2001:db8::9"), null, List.of())));
        services.add(named(
                "name",
                Service.Kind.ALIAS,
                new Discovery(Map.of("x", "ext", "y", "name"), List.of(), null, List.of())));
        services.add(Samples.balancer(
                new PortRule(80, "tcp", "ext", 1),
                new PortRule(81, "tcp", "name", 2),
                new PortRule(82, "tcp", "container:Mail", 3)));
        container("h1", Samples.running("c1", "mail", "10.42.1.7", null));
        container("h1", Samples.container("c2", "stopped", "exited", null, null, null));
        List<Target> external =
                List.of(new Target("svc-ext", "192.0.2.9:1", false), new Target("svc-ext", "[2001:db8::9]:1", false));
        assertThat(targets(80)).isEqualTo(external);
        assertThat(targets(81)).extracting(Target::address).contains("192.0.2.9:2", "[2001:db8::9]:2");
        assertThat(targets(82)).containsExactly(new Target("c1", "10.42.1.7:3", false));
    }

    /** Their instances drain until no load balancer has requests there any more. */
    @Test
    void servicesBehindSelectorsAndAliasesAreBalanced() {
        services.add(labelled("web", List.of()));
        services.add(Samples.service("db", 1, 1, Map.of(), Samples.spec("i")));
        services.add(Samples.service("other", 1, 1, Map.of(), Samples.spec("i")));
        services.add(named(
                "name", Service.Kind.ALIAS, new Discovery(Map.of("x", "db", "y", "name"), List.of(), null, List.of())));
        services.add(Samples.balancer(
                new PortRule(80, "http", "selector:tier=front", 1), new PortRule(81, "tcp", "Hello/NAME", 2)));
        assertThat(Balanced.ids(services)).containsExactlyInAnyOrder("svc-web", "svc-db", "svc-name");
    }

    private List<Target> targets(int port) {
        return ((Listener) of("h1").get("listener/svc-lb/" + port)).targets();
    }

    private static Service named(String name, Service.Kind kind, Discovery discovery) {
        return new Service(
                "svc-" + name,
                Samples.ENV,
                "st1",
                "hello",
                name,
                kind,
                1,
                false,
                1,
                null,
                List.of(),
                Map.of(),
                1,
                0,
                false,
                discovery);
    }

    @Test
    void theHealthCheckOfAServiceIsThatOfItsRoutes() {
        Service s = Samples.service(1);
        services.add(new Service(
                s.id(),
                s.environmentId(),
                s.stackId(),
                s.stackName(),
                s.name(),
                s.kind(),
                1,
                false,
                1,
                s.spec(),
                List.of(),
                s.labels(),
                1,
                30_000,
                false,
                null,
                null,
                new Service.HealthCheck(8000, "/up", 500, 700, 1, 4)));
        services.add(Samples.balancer(new PortRule(80, "http", "web", 8000)));
        instance("i1", 1, "h1", Phase.ACTIVE, "10.42.1.2", Samples.spec("i"));
        assertThat(((Listener) of("h1").get("listener/svc-lb/80")).routes())
                .containsExactly(new DesiredItem.Route(
                        null,
                        null,
                        null,
                        null,
                        List.of(new Target("i1", "10.42.1.2:8000", false)),
                        new DesiredItem.HealthCheck(8000, "/up", 500, 700, 1, 4)));
    }

    @Test
    void listenersStoredBeforeThereWereRoutesAreStillRead() {
        String old =
                "{\"kind\":\"listener\",\"name\":\"l\",\"port\":80,\"protocol\":\"http\",\"balance\":\"round-robin\","
                        + "\"targets\":[{\"instanceId\":\"i\",\"address\":\"10.42.1.2:80\",\"draining\":false}]}";
        Listener listener =
                new Listener("l", 80, "http", "round-robin", List.of(new Target("i", "10.42.1.2:80", false)));
        assertThat(LinkCodec.decode(old, DesiredItem.class)).isEqualTo(listener);
        assertThat(LinkCodec.decode(LinkCodec.encode(listener), DesiredItem.class))
                .isEqualTo(listener);
        assertThat(LinkCodec.decode(
                        "{\"sourcePort\":80,\"protocol\":\"http\",\"service\":\"web\",\"targetPort\":8000}",
                        PortRule.class))
                .isEqualTo(new PortRule(80, "http", "web", 8000));
    }

    @Test
    void publishedPortListensWhereTheInstanceIs() {
        services.add(Samples.service(2));
        instance("i1", 1, "h1", Phase.ACTIVE, "10.42.1.2", Samples.spec("i", "80:8000/tcp"));
        instance("i2", 2, "h1", Phase.ACTIVE, "10.42.1.3", Samples.spec("i", "80:9000/tcp"));
        assertThat(of("h1"))
                .containsEntry(
                        "listener/svc-web/80",
                        new Listener(
                                "web.hello:80",
                                80,
                                "tcp",
                                "round-robin",
                                List.of(
                                        new Target("i1", "10.42.1.2:8000", false),
                                        new Target("i2", "10.42.1.3:9000", false))));
        assertThat(of("h2")).doesNotContainKey("listener/svc-web/80");
    }

    @Test
    void workloadIsForItsHostOnlyAndSearchesServiceStackAndZone() {
        services.add(Samples.service(1));
        instance("i1", 1, "h1", Phase.ACTIVE, null, Samples.spec("i"));
        assertThat(of("h1"))
                .containsEntry(
                        "workload/i1",
                        new Workload(
                                "i1",
                                "hello-web-1",
                                Samples.spec("i"),
                                List.of("web.hello.rancher.internal", "hello.rancher.internal", "rancher.internal")));
        assertThat(of("h2")).doesNotContainKey("workload/i1");
    }

    @Test
    void containerThatClaimsAnInstanceOfAnotherHostIsNotIt() {
        services.add(Samples.service(1));
        instance("i1", 1, "h1", Phase.ACTIVE, null, Samples.spec("i"));
        container("h2", Samples.running("c9", "impostor", "10.42.2.9", "i1"));
        assertThat(name("web.hello")).isEmpty();
    }

    @Test
    void sameObjectsGiveNoDelta() {
        services.add(Samples.service(1));
        instance("i1", 1, "h1", Phase.ACTIVE, "10.42.1.2", Samples.spec("i"));
        DesiredState before = state();
        revision++;
        DesiredState after = state();
        assertThat(after.since(before, "h1").isEmpty()).isTrue();
        assertThat(after.sameAs(before)).isTrue();
    }

    /** Deltas, applied one after the other or skipping some, always lead to what a full state says. */
    @Test
    void deltasAddUpToTheFullState() {
        long seed = System.nanoTime();
        System.out.println("seed=" + seed);
        Random random = new Random(seed);
        services.add(Samples.service(3));
        services.add(Samples.balancer(new PortRule(80, "http", "web", 80)));
        DesiredState told = state();
        Map<String, SortedMap<String, DesiredItem>> nodes = new TreeMap<>();
        for (int h = 1; h <= 5; h++) {
            nodes.put("h" + h, told.of("h" + h));
        }
        for (int i = 0; i < 400; i++) {
            mutate(random, i);
            revision++;
            if (random.nextInt(3) == 0) {
                continue; // several changes in one delta
            }
            DesiredState now = state();
            for (Map.Entry<String, SortedMap<String, DesiredItem>> node : nodes.entrySet()) {
                Delta delta = now.since(told, node.getKey());
                node.getValue().keySet().removeAll(delta.remove());
                node.getValue().putAll(delta.put());
                assertThat(node.getValue())
                        .as("seed %d step %d node %s", seed, i, node.getKey())
                        .isEqualTo(now.of(node.getKey()));
            }
            told = now;
        }
    }

    private void mutate(Random random, int i) {
        String hostId = "h" + (1 + random.nextInt(5));
        String block = "10.42." + hostId.substring(1) + ".";
        switch (random.nextInt(8)) {
            case 7 -> environment = environment.withPolicy(environment.policy() == null ? POLICY : null);
            case 0 -> {
                hosts.removeIf(host -> host.id().equals(hostId));
                if (random.nextBoolean()) {
                    hosts.add(Samples.host(Integer.parseInt(hostId.substring(1))));
                }
            }
            case 1 -> removeOne(random, instances);
            case 2, 3 ->
                instance(
                        "i" + i,
                        i,
                        hostId,
                        random.nextBoolean() ? Phase.ACTIVE : Phase.DRAINING,
                        random.nextInt(4) == 0 ? null : block + (2 + random.nextInt(20)),
                        random.nextBoolean()
                                ? Samples.spec("i")
                                : Samples.spec("i", "80" + random.nextInt(3) + ":80/tcp"));
            case 4 -> removeOne(random, containers);
            default ->
                container(
                        hostId,
                        Samples.container(
                                "d" + i,
                                "n" + random.nextInt(9),
                                random.nextBoolean() ? "running" : "paused",
                                "2026-11-22T10:00:0" + random.nextInt(9) + "Z",
                                block + (2 + random.nextInt(20)),
                                null));
        }
    }

    /** What is for the data plane alone. */
    private static SortedMap<String, DesiredItem> withoutAbout(SortedMap<String, DesiredItem> items) {
        SortedMap<String, DesiredItem> rest = new TreeMap<>(items);
        rest.keySet().removeIf(key -> key.startsWith("about/"));
        return rest;
    }

    @Test
    void whatContainersMayBeToldIsForEveryNodeItsOwnIncluded() {
        services.add(Samples.service(1));
        instance("i1", 1, "h1", Phase.ACTIVE, "10.42.1.2", Samples.spec("one", "80:8080/tcp"));
        container("h2", Samples.container("c9", "gone", "exited", "2026-11-22T10:00:00Z", "10.42.2.3", null));
        container("h2", Samples.container("c8", "aside", "running", "2026-11-22T10:00:00Z", null, null));
        for (String host : List.of("h1", "h2")) {
            SortedMap<String, DesiredItem> items = of(host);
            assertThat(items.keySet().stream().filter(key -> key.startsWith("about/")))
                    .containsExactly("about/container/ci1", "about/host/h1", "about/host/h2", "about/service/svc-web");
            DesiredItem.AboutContainer container = (DesiredItem.AboutContainer) items.get("about/container/ci1");
            assertThat(container.serviceId()).isEqualTo("svc-web");
            assertThat(container.index()).isEqualTo(1);
        }
    }

    @Test
    void labelsBeyondTheBoundAreNotToldToEveryNode() {
        ContainerFact fact = Samples.running("c1", "a", "10.42.1.2", null);
        container(
                "h1",
                new ContainerFact(
                        fact.dockerId(),
                        fact.name(),
                        fact.image(),
                        fact.state(),
                        fact.createdAt(),
                        fact.startedAt(),
                        null,
                        fact.address(),
                        fact.mac(),
                        null,
                        Map.of("a", "1", "b", "x".repeat(5_000), "c", "3"),
                        null));
        assertThat(((DesiredItem.AboutContainer) of("h2").get("about/container/c1")).labels())
                .containsExactly(Map.entry("a", "1"));
    }

    private static void removeOne(Random random, List<?> list) {
        if (!list.isEmpty()) {
            list.remove(random.nextInt(list.size()));
        }
    }

    private void instance(
            String id, int index, String hostId, Phase phase, String address, DesiredItem.ContainerSpec spec) {
        String name = "hello-web-" + index;
        instances.add(new Versioned<>(
                new Instance(id, Samples.ENV, "svc-web", index, name, hostId, 1, spec, phase, 0), 1, ++revision));
        if (address != null) {
            container(hostId, Samples.running("c" + id, name, address, id));
        }
    }

    private void container(String hostId, ContainerFact fact) {
        containers.add(new Versioned<>(new Container(Samples.ENV, hostId, fact), 1, ++revision));
    }

    private List<String> name(String name) {
        return of("h1").get("name/" + name) instanceof Name found ? found.addresses() : null;
    }

    private SortedMap<String, DesiredItem> of(String hostId) {
        return state().of(hostId);
    }

    private DesiredState state() {
        return Desired.of(new EnvironmentState(
                environment, revision, hosts, List.of(), services, instances, containers, certificates));
    }
}
