package dev.drover.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The lab's wires: a namespace with a bridge as the switch, and one namespace a host (and one for the control plane)
 * with {@code eth0} plugged into it. Nothing touches the machine's own namespace, there is no default route, so no
 * packet of the lab can leave it.
 */
final class Network {
    private static final String SWITCH = "sw";
    private static final String BRIDGE = "lab";

    private Network() {}

    static void up(LabSpec spec) {
        addNamespace(spec, SWITCH);
        batch(
                spec.netns(SWITCH),
                List.of(
                        "link add " + BRIDGE + " type bridge stp_state 0 mcast_snooping 0",
                        "link set " + BRIDGE + " up"));
        List<String> members = new ArrayList<>(List.of("cp"));
        members.addAll(spec.hosts());
        for (String member : members) {
            addNamespace(spec, member);
            String port = "p-" + member;
            batch(
                    spec.netns(SWITCH),
                    List.of(
                            "link add %s mtu %d type veth peer name eth0 mtu %d netns %s"
                                    .formatted(port, LabSpec.MTU_BYTES, LabSpec.MTU_BYTES, spec.netns(member)),
                            "link set %s master %s up".formatted(port, BRIDGE)));
            batch(
                    spec.netns(member),
                    List.of(
                            "addr add %s/%d dev eth0".formatted(spec.address(member), LabSpec.PREFIX_LENGTH),
                            "link set eth0 up"));
        }
    }

    private static void addNamespace(LabSpec spec, String member) {
        Shell.quick("ip", "netns", "add", spec.netns(member));
        batch(spec.netns(member), List.of("link set lo up"));
    }

    private static void batch(String netns, List<String> commands) {
        Path file = null;
        try {
            file = Files.createTempFile("drover-lab", ".ip");
            Files.write(file, commands);
            Shell.run(Duration.ofSeconds(10), List.of("ip", "-n", netns, "-batch", file.toString()))
                    .orThrow();
        } catch (IOException e) {
            throw new LabException("ip batch: " + e.getMessage(), e);
        } finally {
            if (file != null) {
                file.toFile().delete();
            }
        }
    }
}
