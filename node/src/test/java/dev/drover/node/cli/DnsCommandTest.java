package dev.drover.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.admin.AdminServer;
import dev.drover.node.admin.Query;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import picocli.CommandLine;

@Timeout(30)
final class DnsCommandTest {
    private final StringWriter out = new StringWriter();
    private AdminServer admin;

    @BeforeEach
    void start() {
        admin = AdminServer.start(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new PrometheusRegistry(),
                Map.of(),
                Map.of("/dns/lookup", DnsCommandTest::lookup));
    }

    @AfterEach
    void stop() {
        admin.close();
    }

    private static Object lookup(Query query) {
        query.only("name", "type", "as");
        Map<String, Object> told = new TreeMap<>();
        told.put("name", query.value("name"));
        told.put("type", query.value("type"));
        told.put("as", query.value("as"));
        told.put("view", "hello/web");
        told.put("rule", "view");
        told.put("meaning", "a name of the client's own view");
        told.put("found", "db.hello");
        told.put("rcode", null);
        told.put("answer", List.of("database. 1 IN CNAME db.example.com."));
        told.put("authority", List.of());
        told.put("additional", List.of());
        told.put("upstream", "db.example.com.");
        told.put("upstreams", List.of("192.0.2.53:53"));
        return told;
    }

    private int run(String... arguments) {
        CommandLine command = new CommandLine(new DnsCommand());
        command.setOut(new PrintWriter(out, true));
        String[] all = new String[arguments.length + 2];
        System.arraycopy(arguments, 0, all, 0, arguments.length);
        all[arguments.length] = "--admin";
        all[arguments.length + 1] = "127.0.0.1:" + admin.address().getPort();
        return command.execute(all);
    }

    @Test
    void tellsRuleViewAndWhoIsAskedFurther() {
        assertThat(run("lookup", "database", "--type", "AAAA", "--as", "10.42.1.3"))
                .isZero();
        assertThat(out.toString().lines().map(line -> line.replaceAll(" +", " ").strip()))
                .contains(
                        "question database AAAA",
                        "client 10.42.1.3, view hello/web",
                        "rule view: a name of the client's own view",
                        "found db.hello",
                        "answer database. 1 IN CNAME db.example.com.",
                        "upstream db.example.com. from 192.0.2.53:53",
                        "verdict what the upstream says");
    }

    @Test
    void printsTheNodesAnswerAsJson() {
        assertThat(run("lookup", "database", "--json")).isZero();
        assertThat(out.toString()).contains("\"rule\"").contains("\"view\"");
    }
}
