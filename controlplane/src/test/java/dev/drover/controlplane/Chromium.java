package dev.drover.controlplane;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Playwright;
import java.io.File;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** This machine's Chromium, headless, driven through this machine's Node; nothing is downloaded. Used by one thread. */
final class Chromium implements AutoCloseable {
    private static final List<String> ARGUMENTS = List.of(
            // It reaches the server under test and nothing else.
            "--no-proxy-server",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            // The shared memory of a container is small.
            "--disable-dev-shm-usage",
            // Nothing to draw fast, and no process for it.
            "--disable-gpu");

    private final Playwright playwright;
    private final Browser browser;

    private Chromium(Playwright playwright, Browser browser) {
        this.playwright = playwright;
        this.browser = browser;
    }

    static Chromium start() {
        Playwright playwright = Playwright.create(new Playwright.CreateOptions()
                .setEnv(Map.of(
                        "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD",
                        "1",
                        "PLAYWRIGHT_NODEJS_PATH",
                        command("node").toString())));
        try {
            return new Chromium(
                    playwright,
                    playwright
                            .chromium()
                            .launch(new BrowserType.LaunchOptions()
                                    .setExecutablePath(command("chromium"))
                                    .setChromiumSandbox(false) // it refuses to start with one as root
                                    .setArgs(ARGUMENTS)));
        } catch (RuntimeException e) {
            playwright.close();
            throw e;
        }
    }

    private static Path command(String name) {
        return Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .map(folder -> Path.of(folder, name))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() -> new IllegalStateException(
                        name + ": not on the path (expected: Debian's packages chromium and nodejs)"));
    }

    /** Someone without a session who has opened the page. */
    Visitor visit(InetSocketAddress server) {
        return new Visitor(browser, "http://127.0.0.1:" + server.getPort());
    }

    @Override
    public void close() {
        browser.close();
        playwright.close();
    }
}
