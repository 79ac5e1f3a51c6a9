package dev.drover.controlplane;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.ConsoleMessage;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Request;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.Cookie;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/**
 * One window of a browser on the page, with cookies of its own. Writes down what the page must never do: put an error on
 * the console, leave an exception uncaught, ask anyone but its own server. Used by one thread.
 */
final class Visitor implements AutoCloseable {
    /** The page takes as long as a busy machine needs. */
    private static final double TIMEOUT_MS = 20_000;

    /** More than the page waits after a change before it asks. */
    private static final long QUIET_NS = TimeUnit.MILLISECONDS.toNanos(500);

    /** Chromium itself logs each answer 401, which is how the page learns that there is no session. */
    private static final Pattern NO_SESSION =
            Pattern.compile("Failed to load resource: the server responded with a status of 401 .*");

    private final String origin;
    private final BrowserContext context;
    private final Page page;
    private final List<Pattern> expected = new ArrayList<>(List.of(NO_SESSION));
    private final List<String> faults = new ArrayList<>();
    private int documents;
    private long askedNs = System.nanoTime();

    Visitor(Browser browser, String origin) {
        this.origin = origin;
        context = browser.newContext();
        context.setDefaultTimeout(TIMEOUT_MS);
        context.onConsoleMessage(this::onConsole);
        context.onWebError(error -> faults.add("uncaught: " + error.error()));
        context.onRequest(this::onRequest);
        page = context.newPage();
        page.onWebSocket(socket -> onAddress("socket", socket.url().replaceFirst("^ws", "http")));
        page.navigate(origin + "/");
    }

    private void onConsole(ConsoleMessage message) {
        if (message.type().equals("error")
                && expected.stream()
                        .noneMatch(each -> each.matcher(message.text()).matches())) {
            faults.add("console: " + message.text() + " at " + message.location());
        }
    }

    private void onRequest(Request request) {
        askedNs = System.nanoTime();
        onAddress(request.resourceType(), request.url());
        if (request.resourceType().equals("document")) {
            documents++;
        }
    }

    private void onAddress(String what, String url) {
        if (!url.startsWith(origin + "/") && !url.startsWith("data:")) {
            faults.add(what + ": " + url + " (expected: only " + origin + ")");
        }
    }

    Page page() {
        return page;
    }

    void logIn(String password) {
        page.getByLabel("user").fill("admin");
        page.getByLabel("password").fill(password);
        page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName("Log in"))
                .click();
    }

    /** The secret of the session; the page itself cannot read it. */
    String session() {
        return context.cookies().stream()
                .filter(cookie -> cookie.name.equals("drover_session"))
                .map((Cookie cookie) -> cookie.value)
                .findFirst()
                .orElse("");
    }

    /** The server goes away for a while: what Chromium logs about that is no fault of the page. */
    void expectConnectionErrors() {
        expected.add(Pattern.compile("Failed to load resource: net::ERR_.*"));
        expected.add(Pattern.compile("WebSocket connection to '.*' failed: .*", Pattern.DOTALL));
    }

    /** Waits until the page asks for nothing by itself any more, so that what it does next has another cause. */
    void awaitQuiet() {
        page.waitForCondition(() -> System.nanoTime() - askedNs > QUIET_NS);
    }

    /** How often the page was loaded as a whole. */
    int documents() {
        return documents;
    }

    List<String> faults() {
        page.evaluate("() => 0"); // events wait for a call; those before it have been heard when it returns
        return List.copyOf(faults);
    }

    @Override
    public void close() {
        context.close();
    }
}
