package dev.drover.controlplane.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.controlplane.Samples;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Service.PortRule;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PlacementTest {
    private static final String AFFINITY = "io.rancher.scheduler.affinity:host_label";

    @Test
    void fewestOfTheServiceCountsBeforeFewestAtAllBeforeName() {
        World world = new World(3);
        world.put(Samples.service("other", 2, 1, Map.of(), Samples.spec("i")));
        world.settle(); // on h1 and h2
        Service web = Samples.service(9);
        world.put(Samples.changed(web, 0, 1, false));
        Placement placement = placement(world);
        assertThat(next(placement, web)).isEqualTo("h3");
        assertThat(next(placement, web)).isEqualTo("h1");
        assertThat(next(placement, web)).isEqualTo("h2");
        assertThat(next(placement, web)).isEqualTo("h3");
    }

    @Test
    void hardRulesMustHoldAndSoftRulesDecideFirst() {
        World world = new World(0);
        world.add(Samples.host(1, Map.of("Zone", "A")));
        world.add(Samples.host(2, Map.of("zone", "b", "ssd", "yes")));
        world.add(Samples.host(3, Map.of("zone", "b")));
        assertThat(choose(world, Map.of(AFFINITY, "zone=a"))).isEqualTo("h1");
        assertThat(choose(world, Map.of(AFFINITY + "_ne", "zone=a, ssd"))).isEqualTo("h3");
        assertThat(choose(world, Map.of(AFFINITY + "_soft", "ssd"))).isEqualTo("h2");
        assertThat(choose(world, Map.of(AFFINITY + "_soft_ne", "zone=a"))).isEqualTo("h2");
        assertThat(choose(world, Map.of(AFFINITY, "zone=c"))).isNull();
        assertThat(choose(world, Map.of(AFFINITY + "_soft", "zone=c"))).isEqualTo("h1");
    }

    @Test
    void portOfALoadBalancerIsTakenOnEveryHost() {
        World world = new World(2);
        world.put(Samples.balancer(new PortRule(80, "http", "web", 80)));
        Placement.Choice choice =
                placement(world).choose(Samples.service("web", 1, 1, Map.of(), Samples.spec("i", "80:80/tcp")));
        assertThat(choice.host()).isNull();
        assertThat(choice.refusals())
                .containsExactly("host1: port 80 is used by hello/lb", "host2: port 80 is used by hello/lb");
    }

    @Test
    void hostWithoutEngineIsRefused() {
        World world = new World(1);
        world.engineless.add("h1");
        assertThat(placement(world).choose(Samples.service(1)).refusals())
                .containsExactly("host1: its Docker engine does not answer");
    }

    private static String choose(World world, Map<String, String> labels) {
        Host host = placement(world)
                .choose(Samples.service("web", 1, 1, labels, Samples.spec("i")))
                .host();
        return host == null ? null : host.id();
    }

    private static String next(Placement placement, Service service) {
        Host host = placement.choose(service).host();
        placement.reserve(service, host);
        return host.id();
    }

    private static Placement placement(World world) {
        return new Placement(world.state(), host -> world.view().node(host.id()));
    }
}
