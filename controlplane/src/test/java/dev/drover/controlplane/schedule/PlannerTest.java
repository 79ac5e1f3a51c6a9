package dev.drover.controlplane.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.controlplane.Samples;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Service.PortRule;
import dev.drover.controlplane.model.Stack;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PlannerTest {
    private static final String WEB = "svc-web";

    @Test
    void scaleUpSpreadsAndScaleDownTakesTheHighestIndex() {
        World world = new World(3);
        world.put(Samples.service(4));
        assertThat(world.settle().takeLog())
                .containsExactly(
                        "create web-1 v1 on h1",
                        "create web-2 v1 on h2",
                        "create web-3 v1 on h3",
                        "create web-4 v1 on h1");
        assertThat(world.last.states()).containsEntry(WEB, ServiceState.ACTIVE);
        world.change(WEB, 2, 1);
        assertThat(world.settle().takeLog())
                .containsExactly("drain web-4", "drain web-3", "remove web-3", "remove web-4");
        world.change(WEB, 3, 1);
        assertThat(world.settle().takeLog()).containsExactly("create web-5 v1 on h3");
    }

    @Test
    void upgradeStartsFirstOneAtATimeAndKeepsTheSpread() {
        World world = new World(3);
        world.put(Samples.service(3));
        world.settle().takeLog();
        world.change(WEB, 3, 2);
        assertThat(world.settle().takeLog())
                .containsExactly(
                        "create web-4 v2 on h1",
                        "drain web-1",
                        "remove web-1",
                        "create web-5 v2 on h2",
                        "drain web-2",
                        "remove web-2",
                        "create web-6 v2 on h3",
                        "drain web-3",
                        "remove web-3");
        assertThat(world.last.states()).containsEntry(WEB, ServiceState.ACTIVE);
    }

    /** Service {@code web} with the sidekick {@code log}. */
    private static World unit(int hosts, int scale) {
        World world = new World(hosts);
        world.put(Samples.service("web", scale, 1, Map.of("io.rancher.sidekicks", "log"), Samples.spec("i")));
        world.put(Samples.service("log", scale, 1, Map.of(), Samples.spec("l")));
        return world;
    }

    private static List<String> hostsOf(World world, String serviceId) {
        return world.active(serviceId).stream().map(Instance::hostId).sorted().toList();
    }

    private static void assertSideBySide(World world, int count) {
        assertThat(hostsOf(world, WEB)).hasSize(count);
        assertThat(hostsOf(world, "svc-log")).isEqualTo(hostsOf(world, WEB));
        assertThat(world.last.states())
                .containsEntry(WEB, ServiceState.ACTIVE)
                .containsEntry("svc-log", ServiceState.ACTIVE);
    }

    @Test
    void aSidekickStandsBesideEachInstanceOfItsServiceAndIsScaledWithIt() {
        World world = unit(3, 2);
        assertSideBySide(world.settle(), 2);
        world.change(WEB, 7, 1);
        assertSideBySide(world.settle(), 7);
        world.change(WEB, 3, 1);
        assertSideBySide(world.settle(), 3);
        world.takeLog();
        world.change(WEB, 0, 1);
        assertSideBySide(world.settle(), 0);
        assertThat(world.settle().takeLog())
                .filteredOn(step -> step.startsWith("create"))
                .isEmpty();
    }

    @Test
    void aSidekickOfAGlobalServiceIsOnEachHostToo() {
        World world = new World(2);
        world.put(Samples.service(
                "web",
                1,
                1,
                Map.of("io.rancher.sidekicks", "log", "io.rancher.scheduler.global", "true"),
                Samples.spec("i")));
        world.put(Samples.service("log", 1, 1, Map.of(), Samples.spec("l")));
        assertSideBySide(world.settle(), 2);
        world.add(Samples.host(3));
        assertSideBySide(world.settle(), 3);
    }

    @Test
    void anUpgradeOfTheServiceReplacesItsSidekicksWithIt() {
        World world = unit(2, 2);
        world.settle().takeLog();
        world.change(WEB, 2, 2);
        assertSideBySide(world.settle(), 2);
        assertThat(world.takeLog())
                .contains("create web-3 v2 on h1", "create log-3 v1 on h1", "remove log-1", "remove log-2");
    }

    @Test
    void anUpgradeOfTheSidekickAloneStartsTheNewOneFirstOnTheSameHost() {
        World world = unit(2, 2);
        world.settle().takeLog();
        world.change("svc-log", 2, 2);
        assertSideBySide(world.settle(), 2);
        assertThat(world.takeLog())
                .containsExactly(
                        "create log-3 v2 on h1",
                        "drain log-1",
                        "remove log-1",
                        "create log-4 v2 on h2",
                        "drain log-2",
                        "remove log-2");
    }

    @Test
    void anUpgradeOfBothLeavesNoInstanceWithoutASidekickThatServes() {
        World world = unit(3, 3);
        world.settle();
        world.change(WEB, 3, 2);
        world.change("svc-log", 3, 2);
        for (int i = 0; i < 100; i++) {
            world.tick();
            assertThat(world.serving(WEB)).as("second %d", i).isGreaterThanOrEqualTo(3);
            assertThat(world.serving("svc-log")).as("second %d", i).isGreaterThanOrEqualTo(3);
        }
        assertSideBySide(world.settle(), 3);
    }

    @Test
    void aHostThatCannotTakeTheSidekickDoesNotGetTheService() {
        World world = new World(2);
        world.put(Samples.service("other", 1, 1, Map.of(), Samples.spec("o", "514:514/udp")));
        assertThat(world.settle().takeLog()).containsExactly("create other-1 v1 on h1");
        world.put(Samples.service("web", 2, 1, Map.of("io.rancher.sidekicks", "log"), Samples.spec("i")));
        world.put(Samples.service("log", 2, 1, Map.of(), Samples.spec("l", "514:514/udp")));
        assertSideBySide(world.settle(), 2);
        assertThat(hostsOf(world, WEB)).containsOnly("h2");
    }

    @Test
    void upgradeWithAPublishedPortNeedsNoSecondHost() {
        World world = new World(1);
        world.put(Samples.service("web", 1, 1, Map.of(), Samples.spec("i", "80:80/tcp")));
        world.settle().takeLog();
        world.change(WEB, 1, 2);
        assertThat(world.settle().takeLog()).containsExactly("create web-2 v2 on h1", "drain web-1", "remove web-1");
    }

    @Test
    void upgradeToSomethingBrokenStopsAndSaysWhyAndTheNextOneMendsIt() {
        World world = new World(2);
        world.put(Samples.service(2));
        world.settle().takeLog();
        world.broken.add("bad");
        Service before = world.services.get(WEB);
        world.put(before.withSpec(Samples.spec("bad")));
        world.settle();
        assertThat(world.takeLog()).containsExactly("create web-3 v2 on h1");
        assertThat(world.last.states()).containsEntry(WEB, ServiceState.UPGRADING);
        assertThat(world.last.messages()).containsEntry(WEB, "waiting for hello-web-3 (container exited)");
        assertThat(world.serving(WEB)).isEqualTo(2);

        world.put(world.services.get(WEB).withSpec(Samples.spec("good")));
        assertThat(world.settle().takeLog())
                .containsExactly(
                        "drain web-3",
                        "remove web-3",
                        "create web-4 v3 on h1",
                        "drain web-1",
                        "remove web-1",
                        "create web-5 v3 on h2",
                        "drain web-2",
                        "remove web-2");
    }

    @Test
    void upgradeWaitsUntilEveryConnectedNodeKnowsTheNewInstance() {
        World world = new World(2);
        world.put(Samples.service(1));
        world.settle().takeLog();
        world.lagging.put("h2", world.revision);
        world.change(WEB, 1, 2);
        for (int i = 0; i < 10; i++) {
            world.tick();
        }
        assertThat(world.takeLog()).containsExactly("create web-2 v2 on h1");
        world.disconnect("h2");
        assertThat(world.settle().takeLog()).containsExactly("drain web-1", "remove web-1");
    }

    @Test
    void restartInTheMiddleOfAnUpgradeWaitsForTheNodesToComeBack() {
        World world = new World(2);
        world.put(Samples.service(1));
        world.settle().takeLog();
        world.change(WEB, 1, 2);
        world.tick();
        world.tick();
        assertThat(world.takeLog()).containsExactly("create web-2 v2 on h1");
        world.disconnect("h1");
        world.disconnect("h2");
        for (int i = 0; i < 13; i++) {
            world.tick();
        }
        assertThat(world.takeLog()).isEmpty();
        world.connected.addAll(List.of("h1", "h2"));
        assertThat(world.settle().takeLog()).containsExactly("drain web-1", "remove web-1");
    }

    @Test
    void drainedInstanceStaysUntilEveryNodeHasLetGoOrTheTimeIsOver() {
        World world = new World(2);
        world.put(Samples.service(1));
        world.put(Samples.balancer(new PortRule(80, "http", "web", 80)));
        world.settle().takeLog();
        world.drains = false;
        world.change(WEB, 0, 1);
        for (int i = 0; i < 29; i++) {
            world.tick();
        }
        assertThat(world.takeLog()).containsExactly("drain web-1");
        world.tick();
        world.tick();
        assertThat(world.takeLog()).containsExactly("remove web-1");
    }

    @Test
    void hostThatIsGoneKeepsItsInstancesUntilItIsRemoved() {
        World world = new World(3);
        world.put(Samples.service(3));
        world.settle().takeLog();
        world.disconnect("h2");
        for (int i = 0; i < 300; i++) {
            world.tick();
        }
        assertThat(world.takeLog()).isEmpty();
        assertThat(world.last.states()).containsEntry(WEB, ServiceState.ACTIVATING);
        world.kill("hello-web-3");
        world.tick();
        assertThat(world.last.messages()).containsEntry(WEB, "hello-web-3: container exited");
        world.hosts.remove("h2");
        assertThat(world.settle().takeLog())
                .containsExactly("remove web-2", "create web-4 v1 on h1", "forget container of h2");
    }

    @Test
    void deadInstanceIsReplacedFirstInAnUpgradeAndTakenFirstInAScaleDown() {
        World world = new World(3);
        world.put(Samples.service(3));
        world.settle().takeLog();
        world.kill("hello-web-2");
        world.change(WEB, 2, 1);
        assertThat(world.settle().takeLog()).containsExactly("drain web-2", "remove web-2");
        world.kill("hello-web-3");
        world.change(WEB, 2, 2);
        assertThat(world.settle().takeLog())
                .startsWith("create web-4 v2 on h2", "drain web-3")
                .endsWith("drain web-1", "remove web-1");
    }

    @Test
    void globalServiceHasOneInstanceOnEachAllowedHostAndUpgradesHostByHost() {
        World world = new World(2);
        world.add(Samples.host(3, Map.of("role", "db")));
        Map<String, String> labels =
                Map.of("io.rancher.scheduler.global", "true", "io.rancher.scheduler.affinity:host_label_ne", "role=db");
        world.put(Samples.service("web", 1, 1, labels, Samples.spec("i")));
        assertThat(world.settle().takeLog()).containsExactly("create web-1 v1 on h1", "create web-2 v1 on h2");
        world.add(Samples.host(4));
        assertThat(world.settle().takeLog()).containsExactly("create web-3 v1 on h4");
        world.change(WEB, 1, 2);
        assertThat(world.settle().takeLog())
                .containsExactly(
                        "create web-4 v2 on h1",
                        "drain web-1",
                        "remove web-1",
                        "create web-5 v2 on h2",
                        "drain web-2",
                        "remove web-2",
                        "create web-6 v2 on h4",
                        "drain web-3",
                        "remove web-3");
    }

    @Test
    void removedStackGoesWithItsServices() {
        World world = new World(1);
        world.stacks.put("st1", new Stack("st1", Samples.ENV, "hello", "", "", true));
        world.put(Samples.service(1));
        world.settle().takeLog();
        world.put(Samples.changed(world.services.get(WEB), 1, 1, true));
        assertThat(world.settle().takeLog())
                .containsExactly("drain web-1", "remove web-1", "forget web", "forget stack hello");
    }

    @Test
    void noHostIsToldWithTheReasonOfEach() {
        World world = new World(2);
        world.disconnect("h1");
        world.put(Samples.service("other", 1, 1, Map.of(), Samples.spec("i", "80:80/tcp")));
        world.settle();
        world.put(Samples.service("web", 1, 1, Map.of(), Samples.spec("i", "80:81/tcp")));
        world.settle();
        assertThat(world.last.messages())
                .containsEntry(WEB, "no host: host1: not connected; host2: port 80 is used by hello/other");
        assertThat(world.last.states()).containsEntry(WEB, ServiceState.ACTIVATING);
    }

    /**
     * Whatever happens, the planner's own hand never leaves fewer instances serving than wanted when there were enough, and
     * in the end everything is as wanted.
     */
    @Test
    void randomChangesNeverCostServiceAndAlwaysEndWell() {
        for (int round = 0; round < 40; round++) {
            long seed = System.nanoTime();
            Random random = new Random(seed);
            World world = new World(4);
            world.put(Samples.service(3));
            world.put(Samples.balancer(new PortRule(80, "http", "web", 80)));
            List<String> script = new ArrayList<>();
            long version = 1;
            for (int i = 0; i < 60; i++) {
                Service web = world.services.get(WEB);
                switch (random.nextInt(12)) {
                    case 0 -> world.change(WEB, random.nextInt(6), web.version());
                    case 1 -> world.change(WEB, web.scale(), ++version);
                    case 2 -> world.drains = random.nextBoolean();
                    case 3 -> world.lagging.put("h" + (1 + random.nextInt(4)), world.revision);
                    case 4 -> world.lagging.clear();
                    default -> {}
                }
                long before = world.serving(WEB);
                int wanted = world.services.get(WEB).scale();
                world.tick();
                script.addAll(world.takeLog());
                assertThat(world.serving(WEB))
                        .as("seed %d after %s", seed, script)
                        .isGreaterThanOrEqualTo(Math.min(before, wanted));
                assertThat(world.instances.size())
                        .as("seed %d after %s", seed, script)
                        .isLessThanOrEqualTo(24);
            }
            world.lagging.clear();
            world.drains = true;
            world.settle();
            Service web = world.services.get(WEB);
            assertThat(world.active(WEB))
                    .as("seed %d after %s", seed, script)
                    .hasSize(web.scale())
                    .extracting(Instance::version)
                    .containsOnly(web.scale() == 0 ? new Long[0] : new Long[] {web.version()});
            assertThat(world.instances).as("seed %d", seed).hasSize(web.scale());
        }
    }
}
