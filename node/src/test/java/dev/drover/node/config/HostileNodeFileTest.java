package dev.drover.node.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Node files that nobody meant to write: read or refused in one line with file and line, never anything else. */
@Timeout(60)
final class HostileNodeFileTest {
    private static final int ROUNDS = 2_000;
    private static final int MOST_CHANGES = 4;
    /** Room for file, line, key and expectation beside the value. */
    private static final int MOST_MESSAGE_CHARACTERS = 10_000;

    private static final String GOOD = """
            overlay:
              vni: 42
              vtep: 192.0.2.1
              port: 4789
              bridge: br0
              mode: auto
              flow-sampling: 64
              local: { subnet: 10.42.0.0/16, block: 10.42.1.0/24 }
              peers:
                - { vtep: 192.0.2.2, subnets: [10.42.2.0/24], probe: true, remote-checksum: false }
                - vtep: 192.0.2.3
                  subnets: [10.42.3.0/24]
                  neighbours:
                    - { address: 10.42.3.2, mac: 02:00:00:00:00:01 }
              policy:
                default: deny
                subnets: [10.42.0.0/16]
                rules:
                  - { within: stack, action: allow }
                  - { between: { groupBy: tier }, action: allow }
                  - from: { selector: role = web }
                    to: { selector: role = db }
                    action: allow
                links:
                  - { from: shop/web, to: container:cache }
                hosts: [10.42.1.1]
                members:
                  - { address: 10.42.1.2, name: web, stack: shop, service: web, labels: { role: web } }
            lb:
              pools:
                - name: shop
                  balance: maglev
                  slow-start: 30s
                  sticky: { cookie: shop, post-only: true }
                  health: { type: http, path: /up, port: 81, interval: 500ms, expect: 200-204 }
                  outlier: { failures: 3, ejection: 1m, max-percent: 20 }
                  max-connections: 50
                  queue: { max: 100, timeout: 2s }
                  retries: { budget: 10, min-per-second: 5, per-try-timeout: 1s }
                  targets:
                    - { address: "10.0.0.1:80", weight: 9, priority: 1, drain: true, id: one }
              listeners:
                - name: web
                  bind: 127.0.0.1:80
                  protocol: http
                  targets: [ 10.0.0.3:80 ]
                  routes:
                    - { host: Shop.example.com, path: /x/, methods: [GET], headers: { X-A: "1" }, pool: shop }
            dns:
              bind: 127.0.0.1:0
              zone: rancher.internal
              records: { web1.stack: [10.42.0.1] }
              cname: { DB.stack: db.example.com. }
              srv: { _http._tcp.web.stack: [ { port: 80, target: web1.stack.rancher.internal, weight: 3 } ] }
              txt: { web.stack: [ "owner=ops" ] }
              reverse: [10.42.0.0/16]
              views:
                - { name: stack, sources: [10.42.0.0/24], search: [stack], records: { near: [10.42.0.1] } }
              forward: [192.0.2.53]
            admin: 127.0.0.1:9901
            handover: /run/drover/node.sock
            """;

    /** In place of a value. */
    private static final List<String> VALUES = List.of(
            "",
            "~",
            "''",
            "\"\\0\"",
            "\"two\\nlines\"",
            "-1",
            "0",
            "65536",
            "2147483648",
            "99999999999999999999",
            "1e999",
            ".nan",
            "true",
            "[]",
            "[[[]]]",
            "{}",
            "{ a: b }",
            "[~]",
            "{ ~: ~ }",
            "{ [a]: b }",
            "&a [*a]",
            "&b { vni: *b }",
            "*nobody",
            "!!java.lang.Runtime {}",
            "!!binary AAAA",
            "<<: *a",
            "0.0.0.0/0",
            "255.255.255.255/33",
            "::ffff:10.0.0.1",
            "fe80::1%eth0",
            "[::1]:99999",
            ":",
            "/",
            "..",
            "*",
            "999999999h",
            "a".repeat(70_000),
            "\uD83D\uDC0E",
            "\u202E");

    private static String changed(Random random) {
        List<String> lines = new ArrayList<>(Arrays.asList(GOOD.split("\n")));
        for (int n = 1 + random.nextInt(MOST_CHANGES); n > 0 && !lines.isEmpty(); n--) {
            int at = random.nextInt(lines.size());
            String line = lines.get(at);
            switch (random.nextInt(8)) {
                case 0 -> lines.remove(at);
                case 1 -> lines.add(random.nextInt(lines.size()), line);
                case 2 -> lines.set(at, " ".repeat(random.nextInt(8)) + line.strip());
                case 3 -> lines.set(at, line.substring(0, random.nextInt(line.length() + 1)));
                case 4 -> lines.set(at, flipped(random, line));
                default -> lines.set(at, withValue(random, line));
            }
        }
        return String.join("\n", lines) + "\n";
    }

    private static String flipped(Random random, String line) {
        if (line.isEmpty()) {
            return line;
        }
        int at = random.nextInt(line.length());
        char other = (char) (random.nextBoolean() ? 32 + random.nextInt(95) : random.nextInt(0x10000));
        return line.substring(0, at) + other + line.substring(at + 1);
    }

    /** With something else behind one of the line's colons. */
    private static String withValue(Random random, String line) {
        List<Integer> colons = new ArrayList<>();
        for (int at = line.indexOf(": "); at >= 0; at = line.indexOf(": ", at + 1)) {
            colons.add(at);
        }
        String value = VALUES.get(random.nextInt(VALUES.size()));
        if (colons.isEmpty()) {
            return line + " " + value;
        }
        int from = colons.get(random.nextInt(colons.size())) + 2;
        int to = from;
        while (to < line.length() && ",}]".indexOf(line.charAt(to)) < 0) {
            to++;
        }
        return line.substring(0, from) + value + line.substring(to);
    }

    private static void refusedOrRead(String text) {
        try {
            NodeFileParser.parse("node.yaml", text);
        } catch (ConfigException e) {
            assertThat(e.getMessage()).startsWith("node.yaml").hasSizeLessThan(MOST_MESSAGE_CHARACTERS);
            assertThat(e.getMessage().chars())
                    .as(e.getMessage())
                    .noneMatch(c -> Character.isISOControl(c) || Character.getType(c) == Character.FORMAT);
        }
    }

    @Test
    void theFileThatIsChangedIsAGoodOne() {
        assertThat(NodeFileParser.parse("node.yaml", GOOD).overlay().peers()).hasSize(2);
    }

    @Test
    void noChangeOfAFileIsMoreThanARefusal() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < ROUNDS; round++) {
            String text = changed(random);
            try {
                refusedOrRead(text);
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed + " round " + round + "\n" + text, e);
            }
        }
    }

    @Test
    void aRefusalIsOneLineWithItsBeginAndEndWhateverTheValueIs() {
        assertThatThrownBy(() -> NodeFileParser.parse(
                        "node.yaml", GOOD.replace("mode: auto", "mode: \"a\\nWARN b\\e[2J\\u202e\"")))
                .hasMessage(
                        "node.yaml:6: overlay.mode: a\\nWARN b\\u001b[2J\\u202e (expected: auto, super, gso or plain)");
        assertThatThrownBy(() ->
                        NodeFileParser.parse("node.yaml", GOOD.replace("mode: auto", "mode: " + "a".repeat(70_000))))
                .message()
                .hasSizeLessThan(2_000)
                .startsWith("node.yaml:6: overlay.mode: aaa")
                .endsWith("aaa (expected: auto, super, gso or plain)");
    }

    /** What a tree of nodes is made of, so deep that whoever follows it runs out of stack. */
    @ParameterizedTest
    @ValueSource(strings = {"[", "{a: ", "- ", "? "})
    void noDepthIsTooMuch(String opening) {
        assertThatThrownBy(() -> NodeFileParser.parse("node.yaml", "overlay: \n " + opening.repeat(100_000)))
                .isInstanceOf(ConfigException.class)
                .hasMessageStartingWith("node.yaml");
    }

    @Test
    void namesOfNamesOfNamesAreRefused() {
        StringBuilder text = new StringBuilder("overlay:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for (int i = 1; i < 40; i++) {
            String before = ", *a" + (i - 1);
            text.append("  a%d: &a%d [%s]\n".formatted(i, i, before.repeat(9).substring(2)));
        }
        assertThatThrownBy(() -> NodeFileParser.parse("node.yaml", text.toString()))
                .isInstanceOf(ConfigException.class);
    }
}
