package dev.drover.overlay;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Link;
import dev.drover.dataplane.LinkAddress;
import dev.drover.dataplane.Rtnetlink;
import dev.drover.dataplane.Sysctl;
import dev.drover.overlay.Iptables.Chain;
import dev.drover.overlay.Iptables.IptablesException;
import java.net.Inet4Address;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Prepares the host for its containers in an overlay: the bridge with the host's address, a device that holds the
 * resolver's address, forwarding, and packet filter rules that let containers out and answers in. All of it is
 * idempotent and stays when the process ends; {@link #remove} takes back what {@link #ensure} made.
 *
 * <p>Call it on a thread that is in the host's namespace. Calls for the same bridge must not overlap.
 */
public final class HostNetwork {
    /** Device with the resolver's address: a bridge without ports, which every kernel that can do the rest has. */
    public static final String DNS_DEVICE = "drover-dns";

    private static final Logger LOG = LoggerFactory.getLogger(HostNetwork.class);
    private static final Iptables IPTABLES = new Iptables("iptables");
    private static final String OURS = "drover";
    private static final Pattern OUR_NAMES = Pattern.compile("drv[0-9]+");
    private static final int DNS_MTU = 65535;
    private static final int HOST_PREFIX = 32;
    private static final int RP_FILTER_LOOSE = 2;

    private static final Chain FORWARD = new Chain("filter", "FORWARD", "DROVER-FORWARD");
    private static final Chain NAT = new Chain("nat", "POSTROUTING", "DROVER-NAT");
    private static final Chain RAW = new Chain("raw", "PREROUTING", "DROVER-RAW");
    private static final Chain RAW_OUTPUT = new Chain("raw", "OUTPUT", "DROVER-RAW-OUTPUT");
    private static final Chain INPUT = new Chain("filter", "INPUT", "DROVER-INPUT");
    private static final Chain OUTPUT = new Chain("filter", "OUTPUT", "DROVER-OUTPUT");

    private HostNetwork() {}

    /**
     * Makes everything as the specification says.
     *
     * @return the bridge
     * @throws dev.drover.dataplane.SysException the kernel refused
     * @throws IllegalStateException a name belongs to another kind of device
     */
    public static Link ensure(HostNetworkSpec spec) {
        return ensure(spec, IPTABLES);
    }

    static Link ensure(HostNetworkSpec spec, Iptables iptables) {
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            Link bridge = device(rtnetlink, spec.bridge(), spec.mtu());
            limitSuperFrames(rtnetlink, bridge, spec);
            dropStaleAddresses(rtnetlink, bridge, spec);
            rtnetlink
                    .addresses()
                    .ensure(
                            bridge.index(),
                            Cidr.toInet(spec.address()),
                            spec.subnet().prefixLength());
            Link dns = device(rtnetlink, DNS_DEVICE, DNS_MTU);
            rtnetlink.addresses().ensure(dns.index(), Cidr.toInet(spec.dns()), HOST_PREFIX);
            settings(spec.bridge());
            rules(spec).forEach((chain, rules) -> filter(iptables, chain, spec.bridge(), rules));
            return bridge;
        }
    }

    /**
     * Takes the rules and devices of the specification away. A bridge of another name than {@code drv<VNI>} that was
     * there before {@link #ensure}, and forwarding, stay; the resolver's device goes with the last bridge.
     */
    public static void remove(HostNetworkSpec spec) {
        for (Chain chain : List.of(FORWARD, NAT, RAW, RAW_OUTPUT, INPUT, OUTPUT)) {
            try {
                IPTABLES.remove(chain, spec.bridge());
            } catch (IptablesException e) {
                LOG.warn("packet filter rules stay chain={} bridge={} reason={}", chain, spec.bridge(), e.getMessage());
            }
        }
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            rtnetlink.links().find(spec.bridge()).ifPresent(bridge -> release(rtnetlink, bridge, spec));
            boolean last = rtnetlink.links().list().stream()
                    .noneMatch(link -> link.alias().equals(OURS) && !link.name().equals(DNS_DEVICE));
            if (last) {
                rtnetlink.links().delete(DNS_DEVICE);
            }
        }
    }

    private static void release(Rtnetlink rtnetlink, Link bridge, HostNetworkSpec spec) {
        if (bridge.alias().equals(OURS)) {
            rtnetlink.links().delete(bridge.index());
        } else {
            rtnetlink
                    .addresses()
                    .delete(
                            bridge.index(),
                            Cidr.toInet(spec.address()),
                            spec.subnet().prefixLength());
        }
    }

    /** What is ours, being made here or by its name, is marked: a later process may delete it, and nothing else. */
    private static Link device(Rtnetlink rtnetlink, String name, int mtu) {
        boolean made = rtnetlink.links().find(name).isEmpty();
        Link link = rtnetlink.links().ensureBridge(name, mtu);
        if ((made || OUR_NAMES.matcher(name).matches()) && link.alias().isEmpty()) {
            rtnetlink.links().setAlias(link.index(), OURS);
        }
        return link;
    }

    /** What the host itself sends into the overlay, as its load balancer does, has to fit into one send too. */
    private static void limitSuperFrames(Rtnetlink rtnetlink, Link bridge, HostNetworkSpec spec) {
        GsoLimits limits = GsoLimits.of(spec.mtu(), spec.sealed());
        if (!limits.equals(new GsoLimits(bridge.gsoMaxSizeBytes(), bridge.gsoMaxSegments()))) {
            rtnetlink.links().setGsoMax(bridge.index(), limits.sizeBytes(), limits.segments());
        }
    }

    /** A host that was given another block must not answer for an address of its old one. */
    private static void dropStaleAddresses(Rtnetlink rtnetlink, Link bridge, HostNetworkSpec spec) {
        for (LinkAddress present : rtnetlink.addresses().list(bridge.index())) {
            if (present.address() instanceof Inet4Address v4) {
                int address = Cidr.toInt(v4);
                boolean wanted = address == spec.address()
                        && present.prefixLength() == spec.subnet().prefixLength();
                if (spec.subnet().contains(address) && !wanted) {
                    rtnetlink.addresses().delete(bridge.index(), v4, present.prefixLength());
                }
            }
        }
    }

    /**
     * Forwarding for containers without another way out. Reverse path filtering loose, since a container with a second
     * network may send from either address.
     */
    private static void settings(String bridge) {
        Sysctl.ensure("ipv4/ip_forward", 1);
        Sysctl.ensure("ipv4/conf/" + bridge + "/rp_filter", RP_FILTER_LOOSE);
    }

    /**
     * In the order in which {@code iptables -S} prints the parts of a rule.
     *
     * <p>FORWARD: Docker sets the policy of the built-in chain to DROP. NAT: towards the outside a container has its
     * host's address. RAW: with br_netfilter in the kernel, switched on for all bridges of the host at once, even
     * bridged packets pass the rules; they are accepted, and not tracked, since connections between containers would
     * fill the table of the host.
     *
     * <p>What containers ask the resolver is not tracked either: two questions from one port at the same moment, as libc
     * asks for A and AAAA, race for their entry, the loser is dropped, and its asker waits for 5 s. As untracked packets
     * match no rule about states of connections, they are accepted by name.
     */
    private static Map<Chain, List<String>> rules(HostNetworkSpec spec) {
        String bridge = spec.bridge();
        Cidr subnet = spec.subnet();
        Map<Chain, List<String>> rules = new LinkedHashMap<>();
        rules.put(
                FORWARD,
                List.of(
                        "-i " + bridge + " -j ACCEPT",
                        "-o " + bridge + " -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"));
        rules.put(NAT, List.of("-s " + subnet + " ! -d " + subnet + " ! -o " + bridge + " -j MASQUERADE"));
        String asks = "-d " + Cidr.format(spec.dns()) + "/32 -i " + bridge;
        String answers = "-s " + Cidr.format(spec.dns()) + "/32 -o " + bridge;
        List<String> untracked = new ArrayList<>();
        untracked.add(
                "-s " + subnet + " -d " + subnet + " -i " + bridge + " -m addrtype ! --dst-type LOCAL -j CT --notrack");
        untracked.addAll(dns(asks, "--dport", "CT --notrack"));
        rules.put(RAW, untracked);
        rules.put(RAW_OUTPUT, dns(answers, "--sport", "CT --notrack"));
        rules.put(INPUT, dns(asks, "--dport", "ACCEPT"));
        rules.put(OUTPUT, dns(answers, "--sport", "ACCEPT"));
        return rules;
    }

    /** A rule for DNS over UDP and one over TCP. */
    private static List<String> dns(String way, String port, String verdict) {
        return Stream.of("udp", "tcp")
                .map(protocol -> way + " -p " + protocol + " -m " + protocol + " " + port + " 53 -j " + verdict)
                .toList();
    }

    /** Without the rules the overlay works; what is lost is told, and no more. */
    private static void filter(Iptables iptables, Chain chain, String bridge, List<String> rules) {
        try {
            iptables.ensure(chain, bridge, rules);
        } catch (IptablesException e) {
            LOG.warn(
                    "packet filter rules missing: containers may not reach addresses outside the overlay"
                            + " chain={} bridge={} reason={}",
                    chain.name(),
                    bridge,
                    e.getMessage());
        }
    }
}
