package dev.drover.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** The walk-through: what an operator does with Drover, on three hosts, with real commands and their real output. */
final class Walkthrough {
    private static final Duration SOON = Duration.ofSeconds(15);
    private static final Duration STARTED = Duration.ofMinutes(1);
    private static final Duration LISTED = Duration.ofSeconds(1);
    static final String SERVER = "https://" + LabSpec.CONTROL_PLANE_ADDRESS + ":" + DroverProcesses.LINK_PORT;
    private static final int BALANCER_PORT = 9898;
    private static final Pattern ADDRESS = Pattern.compile("Address(?: \\d+)?:\\s*(10\\.\\d+\\.\\d+\\.\\d+)");
    /** A line of a list that the metadata service gives. */
    private static final Pattern ENTRY = Pattern.compile("(?m)^\\d+=(.+)$");

    private static final String HELLO_COMPOSE = """
            httpserver:
              image: python
              command: python -m SimpleHTTPServer
              expose:
                - "8000"
              tty: true
            """;
    private static final String FRONT_COMPOSE = """
            version: '2'
            services:
              lb:
                image: rancher/lb-service-haproxy
                ports:
                  - "9898:9898"
            """;
    private static final String FRONT_RANCHER_COMPOSE = """
            version: '2'
            services:
              lb:
                lb_config:
                  port_rules:
                    - source_port: 9898
                      target_port: 8000
                      protocol: http
                      service: hello/httpserver
            """;

    private final DemoStage stage;
    private final Script script;
    private final int patience;

    /** @param patience factor for the promised times, 1 for as promised; more on a busy machine */
    Walkthrough(DemoStage stage, Script script, int patience) {
        this.patience = patience;
        this.stage = stage;
        this.script = script;
    }

    void play() {
        script.required("Environment \"test\" with three hosts", this::environment);
        script.step("A container that is only created is listed as created", this::created);
        script.step("A container made with docker run appears within a second", this::run);
        script.step("Two labelled containers on two hosts ping each other by address and by name", this::network);
        script.required("A stack from a docker-compose.yml, scaled to 3, spread over the hosts", this::stack);
        script.step("Each server writes its own file \"name\"", this::names);
        script.step("A load balancer on port 9898 answers 01, 02, 03 in turn", this::balancer);
        script.step("httpserver.hello resolves to the three addresses", this::resolve);
        script.step("A container asks the metadata service who it is and who serves beside it", this::metadata);
        LoadSteps load = new LoadSteps(stage, script, this);
        script.step("Scale up and down under load: no failed request", load::scale);
        script.step("Rolling upgrade under load: no failed request", load::upgrade);
        script.step("A container is killed under load: no failed request", load::kill);
        script.step("The node of a host is replaced under load: no failed request", load::replaceNode);
        FailureSteps failures = new FailureSteps(stage, script, this);
        script.step(
                "The engine is cut off for 20 s while containers change: one sync repairs the picture", failures::cut);
        script.step("kill -9 of the control plane: traffic, DNS and load balancer go on", failures::killServer);
        script.step(
                "kill -9 of a node: local traffic never stops, its containers are adopted again", failures::killNode);
    }

    private void environment() {
        script.command("cp", "drover login " + SERVER);
        script.output(stage.droverQuietly("login " + SERVER, Map.of("DROVER_PASSWORD", stage.password()))
                .orThrow());
        stage.drover(script, "env create test");
        String token = stage.drover(script, "token create test")
                .lines()
                .toList()
                .getLast()
                .strip();
        stage.joinWith(token);
        for (String host : hosts()) {
            script.command(
                    host,
                    "drover node --server %s --token %s…"
                            .formatted(SERVER, token.substring(0, Math.min(16, token.length()))));
            stage.startNode(host);
        }
        awaitHosts();
        stage.drover(script, "host ls -e test");
    }

    /** Waits until all hosts are connected. */
    void awaitHosts() {
        stage.await(
                "all hosts connected",
                STARTED,
                () -> stage.connectedHosts() == hosts().size(),
                () -> stage.processes().tail("host1"));
    }

    private void created() {
        stage.sh(script, "host1", "docker create --name idle busybox sleep 100000");
        awaitContainer("idle", "created", SOON);
    }

    private void run() {
        stage.sh(script, "host2", "docker run -d --name plain busybox sleep 100000");
        awaitContainer("plain", "running", LISTED);
    }

    /** Waits until a container is listed in a state; prints how long that took. */
    JsonNode awaitContainer(String name, String state, Duration deadline) {
        long startNs = System.nanoTime();
        JsonNode[] seen = new JsonNode[1];
        stage.await(name + " listed as " + state, STARTED, () -> {
            JsonNode container = stage.container(name);
            if (container == null || !text(container, "state").equals(state)) {
                return false;
            }
            seen[0] = container;
            return true;
        });
        double tookSeconds = (System.nanoTime() - startNs) / 1e9;
        script.note("listed after %.2f s: name=%s host=%s image=%s state=%s%s"
                .formatted(
                        tookSeconds,
                        name,
                        text(seen[0], "host"),
                        text(seen[0], "image"),
                        state,
                        text(seen[0], "address").isEmpty() ? "" : " address=" + text(seen[0], "address")));
        requireWithin(deadline, tookSeconds, "listed");
        return seen[0];
    }

    /** Fails when something that came took longer than promised, times the patience asked for. */
    void requireWithin(Duration limit, double tookSeconds, String what) {
        double limitSeconds = limit.toMillis() / 1e3 * patience;
        if (tookSeconds > limitSeconds) {
            throw new LabException(
                    "%s after %.2f s (expected: within %.1f s)".formatted(what, tookSeconds, limitSeconds));
        }
    }

    private void network() {
        for (String host : List.of("host1", "host2")) {
            stage.sh(script, host, labelled("box" + host.substring(4)));
        }
        String first = awaitAddress("box1");
        String second = awaitAddress("box2");
        awaitName("host1", "box1", "box2");
        awaitName("host2", "box2", "box1");
        stage.sh(script, "host1", "docker exec box1 ping -c 3 " + second);
        stage.sh(script, "host1", "docker exec box1 ping -c 3 box2");
        stage.sh(script, "host2", "docker exec box2 ping -c 3 " + first);
        stage.sh(script, "host2", "docker exec box2 ping -c 3 box1");
    }

    /** The tour's way into the managed network: nothing but a label. */
    static String labelled(String name) {
        return "docker run -l io.rancher.container.network=true --name " + name + " -itd busybox sh";
    }

    /** Waits until a container has its overlay address. */
    String awaitAddress(String name) {
        String[] address = new String[] {""};
        stage.await(name + " has an address", SOON, () -> {
            JsonNode container = stage.container(name);
            address[0] = container == null ? "" : text(container, "address");
            return !address[0].isEmpty();
        });
        return address[0];
    }

    /** Waits until a container can resolve another one's name. */
    void awaitName(String host, String container, String name) {
        stage.await(
                name + " resolves in " + container,
                SOON,
                () -> stage.quietly(host, "docker exec %s nslookup %s".formatted(container, name))
                        .ok());
    }

    private void stack() {
        stage.file(script, "hello/docker-compose.yml", HELLO_COMPOSE);
        stage.drover(script, "stack up -e test -f hello/docker-compose.yml hello");
        scaleTo(3);
        Set<String> used = new HashSet<>();
        for (JsonNode instance : awaitInstances(3)) {
            script.output("%-24s %-6s %-12s %s"
                    .formatted(
                            text(instance, "name"),
                            text(instance, "host"),
                            text(instance, "address"),
                            text(instance, "state")));
            used.add(text(instance, "host"));
        }
        if (used.size() != hosts().size()) {
            throw new LabException("hosts used: " + used + " (expected: all of " + hosts() + ")");
        }
    }

    void scaleTo(int scale) {
        stage.drover(script, "service scale -e test hello/httpserver=" + scale);
    }

    /** Waits until httpserver has exactly that many instances, all running with an address and serving. */
    List<JsonNode> awaitInstances(int count) {
        List<JsonNode> found = new ArrayList<>();
        stage.await(
                count + " running instances",
                STARTED.multipliedBy(2),
                () -> {
                    found.clear();
                    found.addAll(stage.runningInstances("hello", "httpserver"));
                    return found.size() == count
                            && stage.service("hello", "httpserver")
                                            .path("instances")
                                            .size()
                                    == count;
                },
                () -> "service: " + stage.service("hello", "httpserver"));
        return found;
    }

    private void names() {
        int number = 1;
        for (JsonNode instance : awaitInstances(3)) {
            stage.sh(
                    script,
                    text(instance, "host"),
                    "docker exec %s sh -c 'echo hello server %02d > name'".formatted(text(instance, "name"), number++));
        }
    }

    private void balancer() {
        stage.file(script, "front/docker-compose.yml", FRONT_COMPOSE);
        stage.file(script, "front/rancher-compose.yml", FRONT_RANCHER_COMPOSE);
        stage.drover(script, "stack up -e test -f front/docker-compose.yml front");
        for (String host : hosts()) {
            String url = balancerUrl(host) + "/name";
            stage.await(
                    url + " answers",
                    SOON,
                    () -> stage.quietly("cp", "curl -sf " + url).ok());
        }
        String answers = stage.sh(
                script, "host2", "for i in 1 2 3 4 5 6; do curl -s %s/name; done".formatted(balancerUrl("host1")));
        List<String> lines = answers.lines().map(String::strip).toList();
        boolean inTurn = lines.size() == 6
                && new HashSet<>(lines.subList(0, 3)).size() == 3
                && lines.subList(0, 3).equals(lines.subList(3, 6));
        if (!inTurn) {
            throw new LabException("answers: " + lines + " (expected: the three servers in turn, twice)");
        }
    }

    String balancerUrl(String host) {
        return "http://" + stage.lab().spec().address(host) + ":" + BALANCER_PORT;
    }

    private void resolve() {
        Set<String> expected = new HashSet<>();
        stage.runningInstances("hello", "httpserver").forEach(each -> expected.add(text(each, "address")));
        String answer = stage.sh(script, "host1", "docker exec box1 nslookup httpserver.hello");
        Set<String> resolved = new HashSet<>();
        ADDRESS.matcher(answer).results().forEach(match -> resolved.add(match.group(1)));
        if (!resolved.equals(expected)) {
            throw new LabException("addresses: " + resolved + " (expected: " + expected + ")");
        }
    }

    private void metadata() {
        JsonNode instance = stage.runningInstances("hello", "httpserver").getFirst();
        String container = text(instance, "name");
        String own = metadata(instance, "self/container/name");
        if (!own.equals(container)) {
            throw new LabException("self/container/name: " + own + " (expected: " + container + ")");
        }
        Set<String> expected = new HashSet<>();
        stage.runningInstances("hello", "httpserver").forEach(each -> expected.add(text(each, "name")));
        String all = metadata(instance, "self/service/containers");
        Set<String> beside = new HashSet<>();
        ENTRY.matcher(all).results().forEach(match -> beside.add(match.group(1)));
        if (!beside.equals(expected)) {
            throw new LabException("self/service/containers: " + beside + " (expected: " + expected + ")");
        }
    }

    private String metadata(JsonNode instance, String path) {
        return stage.sh(
                        script,
                        text(instance, "host"),
                        "docker exec %s wget -qO- http://rancher-metadata/latest/%s"
                                .formatted(text(instance, "name"), path))
                .strip();
    }

    /** Load from the last host onto the balancers of the other two; any file of the image does. */
    LoadClient startLoad(int requestsPerSecond) {
        LabSpec spec = stage.lab().spec();
        List<InetSocketAddress> targets = List.of(
                new InetSocketAddress(spec.address("host1"), BALANCER_PORT),
                new InetSocketAddress(spec.address("host2"), BALANCER_PORT));
        script.note("%s sends %d requests/s to the load balancers of host1 and host2"
                .formatted(spec.hosts().getLast(), requestsPerSecond));
        return LoadClient.start(spec.netnsPath(spec.hosts().getLast()), targets, "/etc/hostname", requestsPerSecond);
    }

    /** Ends the load; fails when a request did. */
    void requireNoFailure(LoadClient load) {
        LoadClient.Result result = load.stop();
        script.note(result.toString());
        if (result.failed() > 0 || result.sent() == 0) {
            throw new LabException(String.format(
                    Locale.ROOT, "failed requests: %d of %d (expected: none)", result.failed(), result.sent()));
        }
    }

    List<String> hosts() {
        return stage.lab().spec().hosts();
    }

    /** A field as text, empty when it is absent. */
    static String text(JsonNode node, String field) {
        return node.path(field).asText("");
    }
}
