package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** The whole of h2spec 2.2.0, no case left out, against a listener with TLS and one without. */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64")
@Timeout(180)
class H2SpecTest {
    private static final String ARCHIVE = "/h2spec/2.2.0/h2spec_linux_amd64.tar.gz";
    private static final int CASES = 145;

    @TempDir
    Path directory;

    @ParameterizedTest(name = "TLS {0}")
    @ValueSource(booleans = {false, true})
    void every_case_passes(boolean tls) throws Exception {
        Path tool = tool();
        TestCertificate certificate = TestCertificate.create(directory, "web", "localhost");
        try (Lanes lanes = Lanes.open(Transport.EPOLL, 2);
                Origin origin = Origin.http(request -> Origin.ok("hello"));
                LoadBalancer lb = new LoadBalancer(lanes)) {
            EntryConfig entry = tls
                    ? EntryConfig.tls(new TlsConfig(List.of(certificate.files())))
                    : EntryConfig.PLAIN.withH2c(true);
            lb.applyStrict(new LbConfig(List.of(Harness.http("web", origin).withEntry(entry))));
            List<String> failed = run(tool, lb.status().getFirst().bound(), tls);
            assertThat(failed).isEmpty();
            assertThat(lb.events().get("UNEXPECTED_EXCEPTION")).isZero();
        }
    }

    private Path tool() throws IOException, InterruptedException {
        Path archive = directory.resolve("h2spec.tar.gz");
        try (InputStream in = H2SpecTest.class.getResourceAsStream(ARCHIVE)) {
            assertThat(in).as(ARCHIVE).isNotNull();
            Files.copy(in, archive);
        }
        Process tar = new ProcessBuilder("tar", "xzf", archive.toString(), "-C", directory.toString())
                .inheritIO()
                .start();
        assertThat(tar.waitFor()).isZero();
        Path tool = directory.resolve("h2spec");
        assertThat(tool.toFile().setExecutable(true)).isTrue();
        return tool;
    }

    private List<String> run(Path tool, InetSocketAddress to, boolean tls) throws Exception {
        Path report = directory.resolve("report.xml");
        List<String> command = new ArrayList<>(List.of(
                tool.toString(),
                "-h",
                to.getAddress().getHostAddress(),
                "-p",
                Integer.toString(to.getPort()),
                "-o",
                "5",
                "-j",
                report.toString()));
        if (tls) {
            command.addAll(List.of("-t", "-k"));
        }
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("out.txt").toFile())
                .start();
        assertThat(process.waitFor(150, TimeUnit.SECONDS)).as("h2spec ends").isTrue();
        return failures(report);
    }

    private static List<String> failures(Path report) throws Exception {
        NodeList cases = DocumentBuilderFactory.newDefaultInstance()
                .newDocumentBuilder()
                .parse(report.toFile())
                .getElementsByTagName("testcase");
        assertThat(cases.getLength()).isEqualTo(CASES);
        List<String> failed = new ArrayList<>();
        for (int i = 0; i < cases.getLength(); i++) {
            Element one = (Element) cases.item(i);
            for (String kind : List.of("failure", "error", "skipped")) {
                if (one.getElementsByTagName(kind).getLength() > 0) {
                    failed.add(kind + ": " + one.getAttribute("package") + " " + one.getAttribute("classname"));
                }
            }
        }
        return failed;
    }
}
