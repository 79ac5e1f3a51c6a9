package dev.drover.node.names;

import dev.drover.controlplane.compose.Compose;
import dev.drover.controlplane.compose.ServiceDraft;
import dev.drover.controlplane.desired.Desired;
import dev.drover.controlplane.desired.EnvironmentState;
import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.HostIdentity;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Instance.Phase;
import dev.drover.controlplane.model.Orchestrator;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.repository.Versioned;
import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import dev.drover.dns.DnsConfig;
import dev.drover.dns.DnsServer;
import dev.drover.node.docker.Labels;
import dev.drover.node.mapping.LocalContainer;
import dev.drover.node.mapping.Tables;
import dev.drover.node.metadata.MetadataSource;
import dev.drover.overlay.Mode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/**
 * An environment of two hosts, from compose files to questions over UDP: the control plane's records, the desired state of
 * the first host, its mapping, and a DNS server. The overlay's subnet lies in 127.0.0.0/8, so that each container asks
 * from its own address. A change is seen by the next question.
 */
final class NamesWorld implements AutoCloseable {
    static final String ENVIRONMENT = "e1";
    private static final int TIMEOUT_MS = 10_000;
    /** Somebody who is no container: the host itself, or a container on its network. */
    static final String HOST = "127.0.0.1";

    private static final HostIdentity IDENTITY = new HostIdentity(
            "h1", "host1", ENVIRONMENT, "test", "127.42.1.0/24", "127.42.0.0/16", 1042, 4789, "rancher.internal");

    private final List<Host> hosts = List.of(host(1), host(2));
    private final Map<String, Service> services = new LinkedHashMap<>();
    private final Map<String, Versioned<Instance>> instances = new TreeMap<>();
    private final Map<String, Versioned<Container>> containers = new TreeMap<>();
    private final Lanes lanes = Lanes.open(Transport.EPOLL, 1);
    private final DnsServer server = new DnsServer(lanes);
    private final InetSocketAddress upstream;
    private final DnsServer upstreamServer = new DnsServer(lanes);
    private long revision = 1;
    private int nextAddress = 2;
    private boolean changed = true;

    NamesWorld() {
        upstreamServer.apply(new DnsConfig(
                List.of(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0)),
                "example.com",
                Map.of("www", List.of(InetAddress.ofLiteral("192.0.2.80"))),
                List.of(),
                60));
        upstream = upstreamServer.status().addresses().getFirst();
    }

    private static Host host(int n) {
        return new Host(
                "h" + n, ENVIRONMENT, "host" + n, "m" + n, "192.0.2." + n, Map.of(), "127.42." + n + ".0/24", "", null);
    }

    /** Makes or changes a stack; instances are added or removed at once, alternating between the hosts. */
    void up(String stack, String compose) {
        up(stack, compose, "");
    }

    void up(String stack, String compose, String rancherCompose) {
        List<ServiceDraft> drafts = Compose.parse(compose, rancherCompose, Map.of());
        services.keySet()
                .removeIf(key -> key.startsWith(stack + "/")
                        && drafts.stream().noneMatch(draft -> key.equals(stack + "/" + draft.name())));
        for (ServiceDraft draft : drafts) {
            Service held = services.get(stack + "/" + draft.name());
            services.put(
                    stack + "/" + draft.name(),
                    new Service(
                            "svc-" + stack + "-" + draft.name(),
                            ENVIRONMENT,
                            "stk-" + stack,
                            stack,
                            draft.name(),
                            draft.kind(),
                            draft.scale() == null ? 1 : draft.scale(),
                            draft.global(),
                            1,
                            draft.spec(),
                            draft.portRules(),
                            draft.labels(),
                            held == null ? 1 : held.nextIndex(),
                            30_000,
                            false,
                            draft.discovery(),
                            draft.metadata(),
                            draft.healthCheck()));
            scale(stack + "/" + draft.name(), draft.scale() == null ? 1 : draft.scale());
        }
        instances
                .values()
                .removeIf(each -> services.values().stream()
                        .noneMatch(service -> service.id().equals(each.value().serviceId())));
        dropOrphans();
    }

    void remove(String stack) {
        services.keySet().removeIf(key -> key.startsWith(stack + "/"));
        instances.values().removeIf(each -> each.value().containerName().startsWith(stack + "-"));
        dropOrphans();
    }

    private void dropOrphans() {
        containers
                .values()
                .removeIf(each -> each.value().fact().instanceId() != null
                        && !instances.containsKey(each.value().fact().instanceId()));
        changed = true;
    }

    void scale(String key, int scale) {
        Service service = services.get(key);
        if (service.kind() != Service.Kind.SERVICE) {
            return;
        }
        List<Versioned<Instance>> own = new ArrayList<>(instances.values().stream()
                .filter(each -> each.value().serviceId().equals(service.id()))
                .toList());
        while (own.size() > scale) {
            instances.remove(own.removeLast().value().id());
        }
        for (int index = nextIndex(own); own.size() < scale; index++) {
            own.add(create(service, index));
        }
        dropOrphans();
    }

    private static int nextIndex(List<Versioned<Instance>> own) {
        return own.stream().mapToInt(each -> each.value().index()).max().orElse(0) + 1;
    }

    private Versioned<Instance> create(Service service, int index) {
        String name = service.stackName() + "-" + service.name() + "-" + index;
        String host = "h" + (2 - index % 2);
        Versioned<Instance> instance = new Versioned<>(
                new Instance(name, ENVIRONMENT, service.id(), index, name, host, 1, service.spec(), Phase.ACTIVE, 0),
                1,
                ++revision);
        instances.put(name, instance);
        run(name, host, name);
        return instance;
    }

    /** A container made with the plain Docker CLI, labelled for the managed network. */
    void docker(String name, int host) {
        run(name, "h" + host, null);
    }

    private void run(String name, String host, String instanceId) {
        put(host, fact(name, "running", "127.42." + host.substring(1) + "." + nextAddress++, instanceId, null));
    }

    private ContainerFact fact(String name, String state, String address, String instanceId, String health) {
        return new ContainerFact(
                "id-" + name,
                name,
                "busybox",
                state,
                "2026-11-22T09:00:00Z",
                "2026-11-22T10:00:00Z",
                null,
                address,
                address == null ? null : "02:00:00:00:00:01",
                instanceId,
                instanceId == null ? Map.of("made", "by hand") : Map.of(Labels.STACK_SERVICE, serviceOf(instanceId)),
                null,
                health);
    }

    private String serviceOf(String instanceId) {
        String serviceId = instances.get(instanceId).value().serviceId();
        return services.entrySet().stream()
                .filter(each -> each.getValue().id().equals(serviceId))
                .findFirst()
                .orElseThrow()
                .getKey();
    }

    private void put(String host, ContainerFact fact) {
        containers.put(fact.dockerId(), new Versioned<>(new Container(ENVIRONMENT, host, fact), 1, ++revision));
        changed = true;
    }

    private Container container(String name) {
        return containers.get("id-" + name).value();
    }

    void stop(String name) {
        ContainerFact fact = container(name).fact();
        put(container(name).hostId(), fact(name, "exited", null, fact.instanceId(), null));
    }

    /** Runs again, with a new address. */
    void start(String name) {
        run(name, container(name).hostId(), container(name).fact().instanceId());
    }

    void health(String name, String health) {
        ContainerFact fact = container(name).fact();
        put(container(name).hostId(), fact(name, "running", fact.address(), fact.instanceId(), health));
    }

    void delete(String name) {
        containers.remove("id-" + name);
        changed = true;
    }

    void drain(String name) {
        Instance held = instances.get(name).value();
        instances.put(
                name,
                new Versioned<>(
                        new Instance(
                                held.id(),
                                held.environmentId(),
                                held.serviceId(),
                                held.index(),
                                held.containerName(),
                                held.hostId(),
                                held.version(),
                                held.spec(),
                                Phase.DRAINING,
                                1),
                        1,
                        ++revision));
        changed = true;
    }

    String address(String container) {
        return container(container).fact().address();
    }

    /** Addresses of the running containers of a service, in order. */
    List<String> addresses(String key) {
        String prefix = key.replace('/', '-') + "-";
        return containers.values().stream()
                .map(each -> each.value().fact())
                .filter(fact -> fact.name().startsWith(prefix)
                        && fact.name().substring(prefix.length()).matches("[0-9]+")
                        && fact.address() != null)
                .map(ContainerFact::address)
                .sorted()
                .toList();
    }

    Tables tables() {
        Map<String, String> serviceOf = new TreeMap<>();
        instances
                .values()
                .forEach(each -> services.forEach((key, service) -> {
                    if (service.id().equals(each.value().serviceId())) {
                        serviceOf.put(each.value().id(), key);
                    }
                }));
        List<LocalContainer> local = containers.values().stream()
                .filter(each -> each.value().hostId().equals("h1")
                        && each.value().fact().address() != null)
                .map(each -> each.value().fact())
                .map(fact -> new LocalContainer(
                        fact.name(),
                        (Inet4Address) InetAddress.ofLiteral(fact.address()),
                        fact.instanceId() == null ? null : serviceOf.get(fact.instanceId()),
                        true))
                .toList();
        return Tables.of(
                new Tables.Host(IDENTITY, Cidr.toInet(Cidr.parseAddress("192.0.2.1")), Mode.AUTO, List.of(upstream)),
                desired(),
                local);
    }

    private SortedMap<String, DesiredItem> desired() {
        return Desired.of(new EnvironmentState(
                        new Environment(ENVIRONMENT, "test", Orchestrator.CATTLE, "127.42.0.0/16", 1042, 4789, 24),
                        revision,
                        hosts,
                        List.of(),
                        List.copyOf(services.values()),
                        List.copyOf(instances.values()),
                        List.copyOf(containers.values())))
                .of("h1");
    }

    /** What the metadata service of the first host knows. */
    MetadataSource metadata() {
        return new MetadataSource(
                IDENTITY,
                desired(),
                containers.values().stream()
                        .filter(each -> each.value().hostId().equals("h1"))
                        .map(each -> each.value().fact())
                        .toList());
    }

    private void serve() {
        if (changed) {
            DnsConfig mapped = tables().dns();
            server.apply(new DnsConfig(
                    List.of(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0)),
                    mapped.zone(),
                    mapped.names(),
                    mapped.resolver(),
                    mapped.limits(),
                    mapped.rateLimit(),
                    mapped.queryLog(),
                    mapped.ttlSeconds()));
            changed = false;
        }
    }

    Message ask(String from, String name, int type) {
        serve();
        InetAddress source = InetAddress.ofLiteral(containers.containsKey("id-" + from) ? address(from) : from);
        try (DatagramSocket socket = new DatagramSocket(new InetSocketAddress(source, 0))) {
            socket.setSoTimeout(TIMEOUT_MS);
            socket.connect(server.status().addresses().getFirst());
            byte[] query = Message.newQuery(Record.newRecord(Name.fromString(name + "."), type, DClass.IN))
                    .toWire();
            socket.send(new DatagramPacket(query, query.length));
            DatagramPacket reply = new DatagramPacket(new byte[4096], 4096);
            socket.receive(reply);
            return new Message(Arrays.copyOf(reply.getData(), reply.getLength()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Data of the A records in order of the alphabet, or the rcode when it is not NOERROR. */
    List<String> resolve(String from, String name) {
        Message reply = ask(from, name, Type.A);
        if (reply.getRcode() != Rcode.NOERROR) {
            return List.of(Rcode.string(reply.getRcode()));
        }
        TreeSet<String> addresses = new TreeSet<>();
        for (Record record : reply.getSection(Section.ANSWER)) {
            if (record.getType() == Type.A) {
                addresses.add(record.rdataToString());
            }
        }
        return List.copyOf(addresses);
    }

    List<String> records(String from, String name, int type) {
        return ask(from, name, type).getSection(Section.ANSWER).stream()
                .map(Record::rdataToString)
                .sorted()
                .toList();
    }

    @Override
    public void close() {
        server.close();
        upstreamServer.close();
        lanes.close();
    }
}
