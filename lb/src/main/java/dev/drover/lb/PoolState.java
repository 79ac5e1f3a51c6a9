package dev.drover.lb;

import dev.drover.lb.path.Balancer;
import dev.drover.lb.path.LeastConnections;
import dev.drover.lb.path.Limits;
import dev.drover.lb.path.Maglev;
import dev.drover.lb.path.Pool;
import dev.drover.lb.path.PoolPolicy;
import dev.drover.lb.path.PowerOfTwo;
import dev.drover.lb.path.RoundRobin;
import dev.drover.lb.path.SourceHash;
import dev.drover.lb.path.StickyCookie;
import dev.drover.lb.path.StickySources;
import dev.drover.lb.path.Target;
import dev.drover.lb.path.TargetCounter;
import dev.drover.lb.path.TargetSet;
import dev.drover.lb.path.TargetTls;
import dev.drover.lb.path.Timing;
import dev.drover.lb.tls.TargetTlsStore;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A pool while it runs, and after its removal until its work has ended; guarded by the load balancer. */
final class PoolState {
    /** Requests of one lane that wait for a stream, where the configuration says nothing. */
    private static final int QUEUED_FOR_STREAMS = 1_024;

    private final int lanes;
    private final Limits limits;
    private final StickyTokens tokens;
    private final Pool pool;
    /** By priority, so that passing over one level takes no turns of the next. */
    private final Map<Integer, AtomicLong> turns = new HashMap<>();

    private final Map<InetSocketAddress, Member> members = new LinkedHashMap<>();
    private final List<Target> departed = new ArrayList<>();
    private PoolConfig config;
    private Protocol protocol = Protocol.HTTP;
    private boolean removed;
    private @Nullable TargetTlsStore tls;
    /** Outlives changes that do not concern it: who is where. */
    private @Nullable StickySources sources;

    private Duration sourcesIdle = Duration.ZERO;
    private List<Level> levels = List.of();

    /** A target of the configuration. */
    static final class Member {
        final Target target;
        HealthState health = new HealthState();
        private TargetConfig config;
        /** When it began to work up to its weight; 0 when it has all of it. */
        private long startedNs;

        Member(Target target, TargetConfig config) {
            this.target = target;
            this.config = config;
        }

        TargetConfig config() {
            return config;
        }
    }

    /** What a balancer was made of; equal ones need no new balancer. */
    private record Level(int priority, List<Target> targets, List<Integer> weights, Balance balance, int bound) {}

    /**
     * A target that takes no new work any more.
     *
     * @param removed it left the configuration; else it drains
     */
    record Gone(Target target, boolean removed) {}

    PoolState(PoolConfig config, int lanes, Limits limits, StickyTokens tokens) {
        this.config = config;
        this.lanes = lanes;
        this.limits = limits;
        this.tokens = tokens;
        pool = new Pool(config.name(), PoolPolicy.PLAIN, lanes);
    }

    Pool pool() {
        return pool;
    }

    PoolConfig config() {
        return config;
    }

    /** Takes over what the listeners that lead here serve. */
    void serves(Protocol ofListeners) {
        protocol = ofListeners;
    }

    /** How its targets are talked to; null without TLS. */
    @Nullable
    TargetTlsStore tls() {
        return tls;
    }

    /** Has new connections use what {@link #tls} is now. */
    void encrypt() {
        TargetTls now = tls == null ? null : tls.current();
        members.values().forEach(member -> member.target.tls(now));
    }

    Map<InetSocketAddress, Member> members() {
        return members;
    }

    /**
     * Takes the new configuration; returns the targets whose lanes must be told.
     *
     * @param encryption null for none
     */
    List<Gone> update(PoolConfig next, @Nullable TargetTlsStore encryption, long nowNs) {
        boolean otherWay = encryption != tls || config.targetProtocol() != next.targetProtocol();
        tls = encryption;
        boolean live = members.values().stream().anyMatch(member -> member.config.working());
        boolean recheck = config.health() == null && next.health() != null;
        config = next;
        List<Gone> gone = new ArrayList<>();
        Map<InetSocketAddress, Member> wanted = new LinkedHashMap<>();
        for (TargetConfig entry : next.targets()) {
            Member member = members.remove(entry.address());
            if (member == null) {
                member = new Member(known(entry), entry);
                member.startedNs = live && entry.working() ? nowNs : 0;
            } else {
                boolean stops = member.config.working() && !entry.working();
                if (otherWay && !stops) {
                    // Idle connections are of the old kind.
                    gone.add(new Gone(member.target, false));
                }
                boolean starts = !member.config.working() && entry.working();
                if (stops) {
                    gone.add(new Gone(member.target, false));
                }
                if (starts) {
                    member.startedNs = nowNs;
                }
                if (starts || recheck) {
                    member.health = new HealthState();
                }
                member.config = entry;
            }
            member.target.accepting(entry.working());
            member.target.speaksHttp2(next.targetProtocol() == TargetProtocol.HTTP_2);
            member.target.maxActive(
                    next.capacity().maxConnections() == 0
                            ? Long.MAX_VALUE
                            : next.capacity().maxConnections());
            wanted.put(entry.address(), member);
        }
        members.values().forEach(member -> {
            member.target.accepting(false);
            departed.add(member.target);
            gone.add(new Gone(member.target, true));
        });
        members.clear();
        members.putAll(wanted);
        wanted.values().forEach(member -> departed.remove(member.target));
        encrypt();
        pool.publish(policy(next));
        refresh(nowNs);
        return gone;
    }

    /** A target that comes back while work is left at it goes on counting where it was. */
    private Target known(TargetConfig entry) {
        long token = tokens.token(config.name(), entry.address(), entry.id());
        for (Target left : departed) {
            if (left.address().equals(entry.address()) && left.token() == token) {
                return left;
            }
        }
        return new Target(entry.address(), token, lanes, limits, pool.room());
    }

    private PoolPolicy policy(PoolConfig from) {
        StickyConfig sticky = from.sticky();
        if (sticky == null || sticky.cookie() != null) {
            sources = null;
        } else if (sources == null || !sticky.idle().equals(sourcesIdle)) {
            sources = new StickySources(sticky.idle().toNanos());
            sourcesIdle = sticky.idle();
        }
        return new PoolPolicy(
                sticky == null || sticky.cookie() == null
                        ? null
                        : new StickyCookie(sticky.cookie(), sticky.domain(), sticky.postOnly()),
                sources,
                from.balance() == Balance.POWER_OF_TWO,
                from.outlier().failures(),
                from.outlier().ejection().toNanos(),
                from.outlier().maxPercent(),
                from.retries().budgetPercent(),
                from.retries().minPerSecond(),
                from.retries().perTryTimeout().toNanos(),
                maxQueued(from),
                from.capacity().queueTimeout().toNanos());
    }

    private static int maxQueued(PoolConfig from) {
        CapacityConfig capacity = from.capacity();
        if (capacity.maxConnections() == 0 && from.targetProtocol() == TargetProtocol.HTTP_2) {
            // The targets themselves say when they are full.
            return capacity.maxQueued() == 0 ? QUEUED_FOR_STREAMS : capacity.maxQueued();
        }
        return capacity.maxConnections() == 0 ? 0 : capacity.maxQueued();
    }

    /** A check of {@code member} came to another verdict. */
    void onVerdict(Member member, long nowNs) {
        if (member.health.verdict() == HealthState.Verdict.HEALTHY
                && pool.targets().active().size() > 0) {
            member.startedNs = nowNs;
        }
        refresh(nowNs);
    }

    /** Publishes who takes work, and how much, if that changed. */
    void refresh(long nowNs) {
        List<Member> serving = serving();
        SortedMap<Integer, List<Member>> byPriority = new TreeMap<>();
        serving.forEach(member -> byPriority
                .computeIfAbsent(member.config.priority(), priority -> new ArrayList<>())
                .add(member));
        List<Level> next = new ArrayList<>();
        byPriority.values().forEach(level -> next.add(level(level, nowNs)));
        List<Target> active = serving.stream().map(member -> member.target).toList();
        List<Target> draining = members.values().stream()
                .filter(member -> !member.config.working())
                .map(member -> member.target)
                .toList();
        TargetSet before = pool.targets();
        boolean same = next.equals(levels) && active.equals(before.active()) && draining.equals(before.draining());
        if (!same) {
            List<Balancer> balancers = new ArrayList<>();
            for (int i = 0; i < next.size(); i++) {
                Level level = next.get(i);
                boolean unchanged = i < levels.size() && level.equals(levels.get(i));
                balancers.add(unchanged ? before.levels().get(i) : balancer(level));
            }
            levels = next;
            pool.publish(new TargetSet(active, draining, balancers));
        }
    }

    /** Those who get work: the healthy; all when too few are, or when none is and that is what is wanted. */
    private List<Member> serving() {
        List<Member> working = members.values().stream()
                .filter(member -> member.config.working())
                .toList();
        HealthCheckConfig check = config.health();
        if (check == null) {
            return working;
        }
        List<Member> healthy = working.stream()
                .filter(member -> member.health.verdict() == HealthState.Verdict.HEALTHY)
                .toList();
        boolean panic =
                healthy.isEmpty() ? config.failOpen() : healthy.size() * 100 < check.panicPercent() * working.size();
        return panic ? working : healthy;
    }

    private Level level(List<Member> of, long nowNs) {
        long slowNs = config.slowStart().toNanos();
        boolean slow = of.stream().anyMatch(member -> share(member, slowNs, nowNs) < 100);
        List<Integer> weights = new ArrayList<>();
        for (Member member : of) {
            weights.add(member.config.weight() * (slow ? share(member, slowNs, nowNs) : 1));
        }
        return new Level(
                of.getFirst().config.priority(),
                of.stream().map(member -> member.target).toList(),
                weights,
                config.balance(),
                config.boundedLoadPercent());
    }

    /** Percent of its weight that a target has worked up to, 10 to 100. */
    private static int share(Member member, long slowNs, long nowNs) {
        if (member.startedNs == 0) {
            return 100;
        }
        long sinceNs = nowNs - member.startedNs;
        if (sinceNs >= slowNs) {
            member.startedNs = 0;
            return 100;
        }
        return (int) Math.max(10, sinceNs * 100 / slowNs);
    }

    /** Whether weights move by themselves. */
    boolean starting() {
        return !config.slowStart().isZero() && members.values().stream().anyMatch(member -> member.startedNs != 0);
    }

    private Balancer balancer(Level level) {
        int[] weights = level.weights().stream().mapToInt(Integer::intValue).toArray();
        AtomicLong turn = turns.computeIfAbsent(level.priority(), priority -> new AtomicLong());
        return switch (level.balance()) {
            case ROUND_ROBIN -> new RoundRobin(level.targets(), weights, turn);
            case LEAST_CONNECTIONS -> new LeastConnections(level.targets(), weights, turn);
            case POWER_OF_TWO -> new PowerOfTwo(level.targets(), weights);
            case SOURCE_HASH -> new SourceHash(level.targets(), weights, level.bound());
            case MAGLEV -> new Maglev(level.targets(), weights, level.bound());
        };
    }

    /** Leaves the configuration; connections may go on using its targets, but no longer keep idle ones. */
    List<Gone> retire() {
        removed = true;
        members.values().forEach(member -> member.target.accepting(false));
        return members.values().stream()
                .map(member -> new Gone(member.target, false))
                .toList();
    }

    /** Forgets what has ended; true when nothing is left of a removed pool. */
    boolean prune() {
        departed.removeIf(target -> target.sum(TargetCounter.ACTIVE) == 0);
        return removed
                && departed.isEmpty()
                && everyTarget().stream().allMatch(target -> target.sum(TargetCounter.ACTIVE) == 0);
    }

    long inFlight(InetSocketAddress address) {
        long sum = 0;
        for (Target target : everyTarget()) {
            if (target.address().equals(address)) {
                sum += target.sum(TargetCounter.ACTIVE);
            }
        }
        return sum;
    }

    private List<Target> everyTarget() {
        List<Target> all = new ArrayList<>(departed);
        members.values().forEach(member -> all.add(member.target));
        return all;
    }

    List<TargetStatus> status(long nowNs) {
        List<TargetStatus> list = new ArrayList<>();
        members.values().forEach(member -> {
            TargetStatus.State state = removed
                    ? TargetStatus.State.REMOVED
                    : member.config.working() ? TargetStatus.State.ACTIVE : TargetStatus.State.DRAINING;
            list.add(status(
                    member.target, state, member.config.weight(), member.config.priority(), health(member), nowNs));
        });
        departed.forEach(target ->
                list.add(status(target, TargetStatus.State.REMOVED, 0, 0, TargetStatus.Health.UNCHECKED, nowNs)));
        return list;
    }

    /** What goes to the targets: a stream of bytes, or HTTP, which is gRPC as far as checks tell. */
    private String spoken() {
        if (protocol != Protocol.HTTP) {
            return protocol == Protocol.TLS ? "tcp" : protocol.name().toLowerCase(Locale.ROOT);
        }
        if (config.targetProtocol() == TargetProtocol.HTTP_1_1) {
            return "http/1.1";
        }
        HealthCheckConfig check = config.health();
        return check != null && check.type() == HealthCheckConfig.Type.GRPC ? "grpc" : "h2";
    }

    private TargetStatus.Encryption encryption() {
        TargetTlsConfig how = config.targetTls();
        if (how == null) {
            return TargetStatus.Encryption.NONE;
        }
        return how.verify() ? TargetStatus.Encryption.VERIFIED : TargetStatus.Encryption.UNVERIFIED;
    }

    private TargetStatus.Health health(Member member) {
        if (config.health() == null || !member.config.working()) {
            return TargetStatus.Health.UNCHECKED;
        }
        return switch (member.health.verdict()) {
            case UNKNOWN -> TargetStatus.Health.UNKNOWN;
            case HEALTHY -> TargetStatus.Health.HEALTHY;
            case UNHEALTHY -> TargetStatus.Health.UNHEALTHY;
        };
    }

    private TargetStatus status(
            Target target, TargetStatus.State state, int weight, int priority, TargetStatus.Health health, long nowNs) {
        return new TargetStatus(
                pool.name(),
                target.address(),
                state,
                health,
                weight,
                priority,
                spoken(),
                encryption(),
                target.backingOff(nowNs),
                target.ejected(nowNs),
                target.sum(TargetCounter.ACTIVE),
                target.sum(TargetCounter.TOTAL),
                target.sum(TargetCounter.FAILED),
                target.failures(),
                Stream.of(Timing.CONNECT, Timing.FIRST_BYTE, Timing.TOTAL)
                        .map(timing -> TargetStatus.TimeStatus.of(timing, target.latencies()))
                        .toList());
    }
}
