package dev.drover.lab;

import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Names and addresses of one lab: everything it makes is derived from its id and the number of hosts, so that a lab can
 * be torn down by a process that knows nothing but the id.
 *
 * @param id   tells concurrent labs apart; lower case letters and digits, at most 16 characters
 * @param size number of virtual hosts, 1 to 100
 */
public record LabSpec(String id, int size) {
    static final Path RUN_ROOT = Path.of("/run/drover-lab");
    static final Path DATA_ROOT = Path.of("/var/lib/drover-lab");

    /** Address of the control plane's namespace on the lab's switch. */
    public static final String CONTROL_PLANE_ADDRESS = "192.0.2.2";

    static final String CGROUP_PARENT = "drover-lab";

    static final int PREFIX_LENGTH = 24;
    static final int MTU_BYTES = 1500;

    private static final Pattern ID = Pattern.compile("[a-z0-9]{1,16}");
    private static final int FIRST_HOST_OCTET = 11;
    private static final int MAX_HOSTS = 100;

    public LabSpec {
        if (!ID.matcher(id).matches()) {
            throw new LabException("id: " + id + " (expected: lower case letters and digits, at most 16)");
        }
        if (size < 1 || size > MAX_HOSTS) {
            throw new LabException("hosts: " + size + " (expected: 1 to " + MAX_HOSTS + ")");
        }
    }

    /** Names of the virtual hosts, {@code host1} first. */
    public List<String> hosts() {
        return IntStream.rangeClosed(1, size).mapToObj(i -> "host" + i).toList();
    }

    /** Refuses a name that is not one of the lab's hosts or {@code cp}, the control plane's namespace. */
    void requireMember(String name) {
        if (!name.equals("cp") && !hosts().contains(name)) {
            throw new LabException("host: " + name + " (expected: one of " + String.join(", ", hosts()) + ", cp)");
        }
    }

    /** Underlay address of a host ({@code host1} is 192.0.2.11) or of {@code cp}. */
    public String address(String member) {
        return member.equals("cp") ? CONTROL_PLANE_ADDRESS : "192.0.2." + (FIRST_HOST_OCTET + hosts().indexOf(member));
    }

    /** Name of the network namespace of a host, of {@code cp} or of the switch, {@code sw}. */
    public String netns(String member) {
        return netnsPrefix(id) + member;
    }

    /** Path that {@code setns(2)} takes. */
    public Path netnsPath(String member) {
        return Path.of("/run/netns", netns(member));
    }

    static String netnsPrefix(String id) {
        return "drover-" + id + "-";
    }

    /** Runtime state: sockets and pid files. Short, for a Unix socket's path has at most 107 bytes. */
    public Path runDir() {
        return runDir(id);
    }

    static Path runDir(String id) {
        return RUN_ROOT.resolve(id);
    }

    Path runDir(String member, String name) {
        return runDir().resolve(member).resolve(name);
    }

    /** Data roots of the engines, logs, and the state of whatever runs in the lab. */
    public Path dataDir() {
        return dataDir(id);
    }

    static Path dataDir(String id) {
        return DATA_ROOT.resolve(id);
    }

    /** Data of one member. */
    public Path dataDir(String member, String name) {
        return dataDir().resolve(member).resolve(name);
    }

    /** Control group under which a lab's containers run; relative to each hierarchy's root. */
    static String cgroup(String id) {
        return CGROUP_PARENT + "/" + id;
    }

    /** Socket of a host's Docker engine. */
    public Path dockerSocket(String host) {
        return runDir(host, "docker.sock");
    }
}
