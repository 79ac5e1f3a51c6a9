package dev.drover.node.names;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What Rancher's own validation suites asked of names ({@code test_service_dns_discovery}, 26 cases, and {@code
 * test_dns_services}, 27 cases), by the names they had there. Each case is played from compose files to answers over UDP.
 *
 * <p>Rancher's "deactivate" is scale 0 here. Services on the host's network are not available in this version: the four
 * cases that ask for the address of one see them refused by name; those that ask from the host's network are played.
 */
@Timeout(60)
final class UpstreamNamesTest {
    private static final String TWO = """
            version: '2'
            services:
              client: {image: busybox, scale: 1, links: [consumed]}
              consumed: {image: busybox, scale: 2}
            """;
    private static final String ALIASES = """
            version: '2'
            services:
              client: {image: busybox, scale: 1, links: ["dns:mydns"]}
              dns: {image: rancher/dns-service, links: [one, two]}
              one: {image: busybox, scale: 2}
              two: {image: busybox, scale: 2}
            """;

    record Case(String name, Consumer<NamesWorld> play) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Case named(String name, Consumer<NamesWorld> play) {
        return new Case(name, play);
    }

    /** Every form of a service's name, as a container of its stack and as one of the host asks for it. */
    private static void sees(NamesWorld world, String service) {
        String name = service.substring(service.indexOf('/') + 1);
        String stack = service.substring(0, service.indexOf('/'));
        List<String> addresses = world.addresses(service);
        for (String form : List.of(
                name,
                name + "." + stack,
                name + "." + stack + ".rancher.internal",
                name + ".client." + stack + ".rancher.internal",
                name.toUpperCase(Locale.ROOT) + "." + stack)) {
            assertThat(world.resolve("app-client-1", form)).as(form).isEqualTo(addresses);
        }
        assertThat(world.resolve(NamesWorld.HOST, name + "." + stack)).isEqualTo(addresses);
    }

    private static void seesBoth(NamesWorld world) {
        List<String> all = Stream.concat(world.addresses("app/one").stream(), world.addresses("app/two").stream())
                .sorted()
                .toList();
        for (String form : List.of("dns", "dns.app", "dns.app.rancher.internal", "mydns", "mydns.app")) {
            assertThat(world.resolve("app-client-1", form)).as(form).isEqualTo(all);
        }
    }

    private static void refusesHostNetwork(NamesWorld world) {
        assertThatThrownBy(() -> world.up("app", "consumed: {image: busybox, network_mode: host}"))
                .hasMessageContaining("network_mode");
    }

    private static void discover(NamesWorld world) {
        world.up("app", TWO);
        sees(world, "app/consumed");
    }

    private static void aliased(NamesWorld world) {
        world.up("app", ALIASES);
        seesBoth(world);
    }

    private static void external(NamesWorld world, String rancher) {
        world.up("app", "client: {image: busybox}\next: {image: rancher/external-service}\n", rancher);
    }

    static Stream<Case> discovery() {
        return Stream.of(
                named("dns_discovery_activate_svc_activate_consumed_svc_link", UpstreamNamesTest::discover),
                named("dns_discovery_service_scale_up", world -> {
                    discover(world);
                    world.scale("app/client", 3);
                    sees(world, "app/consumed");
                    assertThat(world.resolve("app-client-3", "consumed")).isEqualTo(world.addresses("app/consumed"));
                }),
                named("dns_discovery_services_scale_down", world -> {
                    discover(world);
                    world.scale("app/client", 3);
                    world.scale("app/client", 1);
                    sees(world, "app/consumed");
                }),
                named("dns_discovery_consumed_services_scale_up", world -> {
                    discover(world);
                    world.scale("app/consumed", 4);
                    assertThat(world.addresses("app/consumed")).hasSize(4);
                    sees(world, "app/consumed");
                }),
                named("dns_discovery_consumed_services_scale_down", world -> {
                    discover(world);
                    world.scale("app/consumed", 1);
                    assertThat(world.addresses("app/consumed")).hasSize(1);
                    sees(world, "app/consumed");
                }),
                named("dns_discovery_consumed_services_stop_start_instance", world -> {
                    discover(world);
                    world.stop("app-consumed-1");
                    assertThat(world.resolve("app-client-1", "consumed"))
                            .containsExactly(world.address("app-consumed-2"));
                    world.start("app-consumed-1");
                    sees(world, "app/consumed");
                }),
                named("dns_discovery_consumed_services_restart_instance", world -> {
                    discover(world);
                    String before = world.address("app-consumed-1");
                    world.stop("app-consumed-1");
                    world.start("app-consumed-1");
                    assertThat(world.address("app-consumed-1")).isNotEqualTo(before);
                    sees(world, "app/consumed");
                }),
                named("dns_discovery_consumed_services_delete_instance", world -> {
                    discover(world);
                    world.delete("app-consumed-1");
                    sees(world, "app/consumed");
                    assertThat(world.resolve("app-client-1", "app-consumed-1")).containsExactly("NXDOMAIN");
                }),
                named("dns_discovery_consumed_services_deactivate_activate", world -> {
                    discover(world);
                    world.scale("app/consumed", 0);
                    assertThat(world.resolve("app-client-1", "consumed"))
                            .as("exists, has nothing to give")
                            .isEmpty();
                    world.scale("app/consumed", 2);
                    sees(world, "app/consumed");
                }),
                named("dns_discovery_service_deactivate_activate", world -> {
                    discover(world);
                    world.scale("app/client", 0);
                    world.scale("app/client", 1);
                    sees(world, "app/consumed");
                }),
                named("dns_discovery_deactivate_activate_environment", world -> {
                    discover(world);
                    world.scale("app/client", 0);
                    world.scale("app/consumed", 0);
                    world.scale("app/client", 1);
                    world.scale("app/consumed", 2);
                    sees(world, "app/consumed");
                }),
                named("dns_discovery_services_stop_start_instance", world -> {
                    discover(world);
                    world.stop("app-client-1");
                    world.start("app-client-1");
                    sees(world, "app/consumed");
                }),
                named("dns_discovery_services_restart_instance", world -> {
                    discover(world);
                    world.stop("app-client-1");
                    world.start("app-client-1");
                    sees(world, "app/consumed");
                }),
                named("dns_discovery_services_delete_instance", world -> {
                    discover(world);
                    world.delete("app-client-1");
                    world.scale("app/client", 0);
                    world.scale("app/client", 1);
                    sees(world, "app/consumed");
                }),
                named("dns_discoverys_with_hostnetwork_1", UpstreamNamesTest::refusesHostNetwork),
                named("dns_discoverys_with_hostnetwork_2", UpstreamNamesTest::refusesHostNetwork),
                named("dns_discoverys_with_hostnetwork_3", world -> {
                    discover(world);
                    assertThat(world.resolve(NamesWorld.HOST, "consumed.app.rancher.internal"))
                            .isEqualTo(world.addresses("app/consumed"));
                }),
                named("dns_discoverys_with_hostnetwork_externalService", world -> {
                    external(world, "ext: {external_ips: [192.0.2.7, 192.0.2.8]}");
                    assertThat(world.resolve(NamesWorld.HOST, "ext.app")).containsExactly("192.0.2.7", "192.0.2.8");
                    assertThat(world.resolve("app-client-1", "ext")).containsExactly("192.0.2.7", "192.0.2.8");
                }),
                named("dns_discoverys_with_hostnetwork_externalService_cname", world -> {
                    external(world, "ext: {hostname: www.example.com}");
                    assertThat(world.records(NamesWorld.HOST, "ext.app", 1))
                            .containsExactly("192.0.2.80", "www.example.com.");
                    assertThat(world.resolve("app-client-1", "ext")).containsExactly("192.0.2.80");
                }),
                named("dns_discoverys_coss_stack_service", world -> {
                    discover(world);
                    world.up("other", "web: {image: busybox, scale: 2}");
                    assertThat(world.resolve("app-client-1", "web.other")).isEqualTo(world.addresses("other/web"));
                    assertThat(world.resolve("app-client-1", "web.app")).containsExactly("NXDOMAIN");
                }),
                named("dns_discoverys_coss_stack_service_uppercase", world -> {
                    discover(world);
                    world.up("OTHER", "Web: {image: busybox, scale: 2}");
                    assertThat(world.resolve("app-client-1", "web.other"))
                            .isEqualTo(world.resolve("app-client-1", "WEB.OTHER"))
                            .isEqualTo(world.addresses("OTHER/web"));
                }),
                named("dns_discoverys_for_containers_by_name_and_fqdn", world -> {
                    discover(world);
                    for (String form : List.of("app-consumed-2", "app-consumed-2.rancher.internal")) {
                        assertThat(world.resolve("app-client-1", form))
                                .containsExactly(world.address("app-consumed-2"));
                    }
                }),
                named("dns_discoverys_for_containers_by_name_and_fqdn_cross_stack", world -> {
                    discover(world);
                    world.up("other", "web: {image: busybox}");
                    world.docker("Plain", 2);
                    for (String form : List.of("other-web-1", "other-web-1.rancher.internal")) {
                        assertThat(world.resolve("app-client-1", form)).containsExactly(world.address("other-web-1"));
                    }
                    assertThat(world.resolve("app-client-1", "plain")).containsExactly(world.address("Plain"));
                }),
                named("dns_discovery_for_sidekick_containers_by_name_and_fqdn_cross_stack", world -> {
                    discover(world);
                    sidekick(world, "other");
                    for (String form : List.of("other-log-1", "other-log-1.rancher.internal")) {
                        assertThat(world.resolve("app-client-1", form)).containsExactly(world.address("other-log-1"));
                    }
                }),
                named("dns_discovery_for_service_with_sidekick", world -> {
                    sidekick(world, "app");
                    for (String form : List.of("log", "log.web", "log.web.app", "log.web.app.rancher.internal")) {
                        assertThat(world.resolve("app-web-1", form)).as(form).isEqualTo(world.addresses("app/log"));
                    }
                    assertThat(world.resolve("app-log-1", "web")).isEqualTo(world.addresses("app/web"));
                }),
                named("dns_discovery_for_service_with_sidekick_cross_stack", world -> {
                    discover(world);
                    sidekick(world, "other");
                    for (String form : List.of("log.web.other", "log.web.other.rancher.internal")) {
                        assertThat(world.resolve("app-client-1", form)).isEqualTo(world.addresses("other/log"));
                    }
                    assertThat(world.resolve("app-client-1", "web.other")).isEqualTo(world.addresses("other/web"));
                }));
    }

    private static void sidekick(NamesWorld world, String stack) {
        world.up(stack, """
                version: '2'
                services:
                  web: {image: busybox, scale: 1, labels: {io.rancher.sidekicks: log}}
                  log: {image: busybox, scale: 1}
                """);
    }

    static Stream<Case> aliases() {
        return Stream.of(
                named("dns_activate_svc_dns_consumed_svc_link", UpstreamNamesTest::aliased),
                named("dns_cross_link", world -> {
                    world.up("other", "one: {image: busybox, scale: 2}");
                    world.up("app", """
                            version: '2'
                            services:
                              client: {image: busybox, links: [dns]}
                              dns: {image: rancher/dns-service, external_links: [other/one]}
                            """);
                    assertThat(world.resolve("app-client-1", "dns")).isEqualTo(world.addresses("other/one"));
                }),
                named("dns_activate_consumed_svc_link_activate_svc", world -> {
                    world.up("app", ALIASES);
                    world.scale("app/client", 0);
                    world.scale("app/client", 1);
                    seesBoth(world);
                }),
                named("dns_activate_svc_link_activate_consumed_svc", world -> {
                    world.up("app", ALIASES.replace("scale: 2", "scale: 0"));
                    assertThat(world.resolve("app-client-1", "mydns")).isEmpty();
                    aliased(world);
                }),
                named("dns_link_activate_consumed_svc_activate_svc", world -> {
                    world.up("app", ALIASES.replace("scale: 1", "scale: 0"));
                    aliased(world);
                }),
                named("dns_link_when_services_still_activating", world -> {
                    world.up("app", ALIASES);
                    world.stop("app-two-2");
                    seesBoth(world);
                    world.start("app-two-2");
                    seesBoth(world);
                }),
                named("dns_service_scale_up", world -> {
                    aliased(world);
                    world.scale("app/client", 3);
                    assertThat(world.resolve("app-client-3", "mydns"))
                            .isEqualTo(world.resolve("app-client-1", "mydns"));
                    seesBoth(world);
                }),
                named("dns_services_scale_down", world -> {
                    aliased(world);
                    world.scale("app/client", 3);
                    world.scale("app/client", 1);
                    seesBoth(world);
                }),
                named("dns_consumed_services_scale_up", world -> {
                    aliased(world);
                    world.scale("app/one", 4);
                    seesBoth(world);
                }),
                named("dns_consumed_services_scale_down", world -> {
                    aliased(world);
                    world.scale("app/two", 1);
                    seesBoth(world);
                }),
                named("dns_consumed_services_stop_start_instance", world -> {
                    aliased(world);
                    world.stop("app-one-1");
                    seesBoth(world);
                    world.start("app-one-1");
                    seesBoth(world);
                }),
                named("dns_consumed_services_restart_instance", world -> {
                    aliased(world);
                    world.stop("app-one-2");
                    world.start("app-one-2");
                    seesBoth(world);
                }),
                named("dns_consumed_services_delete_instance", world -> {
                    aliased(world);
                    world.delete("app-two-1");
                    seesBoth(world);
                }),
                named("dns_consumed_services_deactivate_activate", world -> {
                    aliased(world);
                    world.scale("app/one", 0);
                    seesBoth(world);
                    world.scale("app/two", 0);
                    assertThat(world.resolve("app-client-1", "dns")).isEmpty();
                    world.scale("app/one", 2);
                    seesBoth(world);
                }),
                named("dns_service_deactivate_activate", world -> {
                    aliased(world);
                    world.scale("app/client", 0);
                    world.scale("app/client", 1);
                    seesBoth(world);
                }),
                named("dns_deactivate_activate_environment", world -> {
                    aliased(world);
                    for (int scale : new int[] {0, 2}) {
                        world.scale("app/client", scale);
                        world.scale("app/one", scale);
                        world.scale("app/two", scale);
                    }
                    seesBoth(world);
                }),
                named("dns_add_remove_servicelinks", world -> {
                    aliased(world);
                    world.up("app", ALIASES.replace("[one, two]", "[two]"));
                    assertThat(world.resolve("app-client-1", "dns")).isEqualTo(world.addresses("app/two"));
                    aliased(world);
                }),
                named("dns_services_delete_service_add_service", world -> {
                    aliased(world);
                    world.remove("app");
                    assertThat(world.resolve(NamesWorld.HOST, "dns.app")).containsExactly("NXDOMAIN");
                    aliased(world);
                }),
                named("dns_services_delete_and_add_consumed_service", world -> {
                    aliased(world);
                    world.up("app", """
                            version: '2'
                            services:
                              client: {image: busybox, scale: 1, links: [dns]}
                              dns: {image: rancher/dns-service, links: [two]}
                              two: {image: busybox, scale: 2}
                            """);
                    assertThat(world.resolve("app-client-1", "dns")).isEqualTo(world.addresses("app/two"));
                    assertThat(world.resolve("app-client-1", "mydns")).containsExactly("NXDOMAIN");
                    aliased(world);
                }),
                named("dns_services_stop_start_instance", world -> {
                    aliased(world);
                    world.stop("app-client-1");
                    world.start("app-client-1");
                    seesBoth(world);
                }),
                named("dns_services_restart_instance", world -> {
                    aliased(world);
                    world.stop("app-client-1");
                    world.start("app-client-1");
                    seesBoth(world);
                }),
                named("dns_service_restore_instance", world -> {
                    aliased(world);
                    world.delete("app-client-1");
                    world.scale("app/client", 0);
                    world.scale("app/client", 1);
                    seesBoth(world);
                }),
                named("dns_dns_deactivate_activate", world -> {
                    aliased(world);
                    world.up(
                            "app",
                            ALIASES.replace("  dns: {image: rancher/dns-service, links: [one, two]}\n", "")
                                    .replace(", links: [\"dns:mydns\"]", ""));
                    assertThat(world.resolve("app-client-1", "dns")).containsExactly("NXDOMAIN");
                    aliased(world);
                }),
                named("dns_add_remove_servicelinks_using_set", world -> {
                    world.up("app", ALIASES.replace("[one, two]", "[one]"));
                    assertThat(world.resolve("app-client-1", "mydns")).isEqualTo(world.addresses("app/one"));
                    world.up("app", ALIASES.replace("[one, two]", "[two]"));
                    assertThat(world.resolve("app-client-1", "mydns")).isEqualTo(world.addresses("app/two"));
                    aliased(world);
                }),
                named("dns_svc_managed_cosumed_service_hostnetwork", UpstreamNamesTest::refusesHostNetwork),
                named("dns_svc_hostnetwork_cosumed_service_hostnetwork", UpstreamNamesTest::refusesHostNetwork),
                named("dns_svc_hostnetwork_cosumed_service_managednetwork", world -> {
                    aliased(world);
                    assertThat(world.resolve(NamesWorld.HOST, "dns.app"))
                            .isEqualTo(world.resolve("app-client-1", "dns"));
                }));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource({"discovery", "aliases"})
    void plays(Case played) {
        try (NamesWorld world = new NamesWorld()) {
            played.play().accept(world);
        }
    }
}
