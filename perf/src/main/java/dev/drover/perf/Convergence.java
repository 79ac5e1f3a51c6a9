package dev.drover.perf;

import dev.drover.lab.Lab;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Changes one network and watches it from every host. Every time counts from the time stamp that the engine itself gave
 * its {@code start} or {@code die} event, so it holds what comes after the program in the container has begun, or from the
 * call, so it holds all. Docker's own networks do their work before that event, and the program waits for it.
 */
final class Convergence implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private final Lab lab;
    private final Contender contender;
    private final DockerEvents events;
    private final List<NameProbe> probes;
    private final ExecutorService watchers = Executors.newVirtualThreadPerTaskExecutor();
    private int containers;
    private int instances;

    /**
     * Milliseconds from an event to what hosts saw of it; negative where they saw it before.
     *
     * @param local on the host of the container
     * @param remote the slowest of the other hosts
     */
    record Spread(double local, double remote) {
        /** On every host. */
        double everywhere() {
            return Math.max(local, remote);
        }
    }

    /**
     * The life of one container.
     *
     * @param resolved until its name resolved
     * @param reached until it answered a connection, which was tried as soon as its name resolved
     * @param called as {@code reached}, but from the call of {@code docker run}
     * @param gone from its end until its name did not resolve any more
     */
    record Life(Spread resolved, Spread reached, Spread called, Spread gone) {}

    /**
     * A service that gets one more instance, until its address is among the answers.
     *
     * @param started from the start of the instance
     * @param called from the request for it
     */
    record Growth(Spread started, Spread called) {}

    /** What each probe does. */
    private interface Look {
        NameProbe.Sighting at(NameProbe probe) throws IOException;
    }

    Convergence(Lab lab, Contender contender, DockerEvents events) {
        this.lab = lab;
        this.contender = contender;
        this.events = events;
        probes = contender.probes(lab);
    }

    /** Runs a container on one of the hosts, each in its turn, and removes it when all have seen it. */
    Life life() throws InterruptedException {
        List<String> hosts = lab.spec().hosts();
        String host = hosts.get(containers % hosts.size());
        String name = contender.label() + containers++;
        String question = contender.containerName(name);
        int mark = events.mark();
        List<Future<NameProbe.Sighting>> born =
                watch(probe -> probe.await(question, found -> !found.isEmpty(), true, LIMIT));
        long calledNs = NameProbe.nowNs();
        contender.run(lab, host, name);
        List<NameProbe.Sighting> seen = sightings(name + " on " + host + " resolves and answers", born);
        Set<Set<InetAddress>> answers = new HashSet<>();
        seen.forEach(each -> answers.add(each.addresses()));
        if (answers.size() != 1) {
            throw new IllegalStateException(name + ": " + answers + " (expected: the same address on all hosts)");
        }
        long startNs = event(mark, "start", name).timeNs();
        List<Future<NameProbe.Sighting>> dead = watch(probe -> probe.awaitEnd(question, LIMIT));
        lab.docker(host, Contender.COMMAND, "rm", "-f", name).orThrow();
        List<NameProbe.Sighting> missed = sightings(name + " on " + host + " is gone", dead);
        long endNs = event(mark, "die", name).timeNs();
        return new Life(
                spread(host, startNs, seen, false),
                spread(host, startNs, seen, true),
                spread(host, calledNs, seen, true),
                spread(host, endNs, missed, false));
    }

    /** Starts a service with one instance and waits until all hosts resolve it. */
    void startService() throws InterruptedException {
        List<Future<NameProbe.Sighting>> up =
                watch(probe -> probe.await(contender.serviceName(), found -> found.size() == 1, false, LIMIT));
        contender.startService();
        sightings("service resolves", up);
        instances = 1;
    }

    /** Adds an instance to the service. */
    Growth scaleUp() throws InterruptedException {
        int wanted = ++instances;
        int mark = events.mark();
        List<Future<NameProbe.Sighting>> grown =
                watch(probe -> probe.await(contender.serviceName(), found -> found.size() == wanted, false, LIMIT));
        long calledNs = NameProbe.nowNs();
        contender.scaleService(wanted);
        List<NameProbe.Sighting> seen = sightings("service has " + wanted + " addresses", grown);
        DockerEvents.Event start = events.await(
                mark,
                event -> event.action().equals("start") && event.container().startsWith(contender.instancePrefix()),
                LIMIT);
        return new Growth(
                spread(start.host(), start.timeNs(), seen, false), spread(start.host(), calledNs, seen, false));
    }

    private DockerEvents.Event event(int mark, String action, String container) throws InterruptedException {
        return events.await(
                mark,
                event -> event.action().equals(action) && event.container().equals(container),
                LIMIT);
    }

    private List<Future<NameProbe.Sighting>> watch(Look look) {
        return probes.stream()
                .map(probe -> watchers.submit(() -> look.at(probe)))
                .toList();
    }

    private List<NameProbe.Sighting> sightings(String what, List<Future<NameProbe.Sighting>> watches)
            throws InterruptedException {
        List<NameProbe.Sighting> seen = new ArrayList<>();
        for (Future<NameProbe.Sighting> watch : watches) {
            try {
                seen.add(watch.get());
            } catch (ExecutionException e) {
                throw new IllegalStateException(
                        "%s: %s: not seen within %d s: %s"
                                .formatted(contender.label(), what, LIMIT.toSeconds(), e.getCause()),
                        e);
            }
        }
        return seen;
    }

    private static Spread spread(String host, long eventNs, List<NameProbe.Sighting> seen, boolean reached) {
        double local = Double.NEGATIVE_INFINITY;
        double remote = Double.NEGATIVE_INFINITY;
        for (NameProbe.Sighting each : seen) {
            double ms = ((reached ? each.reachedNs() : each.resolvedNs()) - eventNs) / 1e6;
            if (each.host().equals(host)) {
                local = ms;
            } else {
                remote = Math.max(remote, ms);
            }
        }
        return new Spread(local, remote);
    }

    @Override
    public void close() {
        watchers.shutdownNow();
    }
}
