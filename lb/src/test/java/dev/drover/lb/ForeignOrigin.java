package dev.drover.lb;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * A web server of others, run as nobody on a free port of the loopback, that notes each request it has read to its end and
 * answers with its target. What it noted is what it understood of the bytes that came.
 */
final class ForeignOrigin implements AutoCloseable {
    private static final String NOBODY = "65534";
    private static final long START_NS = TimeUnit.SECONDS.toNanos(20);

    /** The servers; their configurations are in the test resources, folder {@code origins}. */
    enum Kind {
        NGINX("nginx.conf", "nginx -e DIRECTORY/error.log -c DIRECTORY/nginx.conf"),
        APACHE("apache.conf", "apache2 -X -f DIRECTORY/apache.conf"),
        LIGHTTPD("lighttpd.conf", "lighttpd -D -f DIRECTORY/lighttpd.conf"),
        HAPROXY("haproxy.cfg", "haproxy -db -f DIRECTORY/haproxy.cfg"),
        NODE("origin.js", "node DIRECTORY/origin.js PORT DIRECTORY/seen.log"),
        GUNICORN(
                "origin.py",
                "gunicorn --chdir=DIRECTORY --bind=127.0.0.1:PORT --worker-class=gthread --threads=4 --keep-alive=60"
                        + " --worker-tmp-dir=DIRECTORY --env=SEEN=DIRECTORY/seen.log origin:app");

        private final String file;
        private final String command;

        Kind(String file, String command) {
            this.file = file;
            this.command = command;
        }
    }

    /** A request as a server has understood it. */
    record Seen(String method, String target, String sha256) {
        static Seen of(String method, String target, String body) {
            return new Seen(method, target, digest(body));
        }

        private static Seen parse(String line) {
            String[] parts = line.split(" ", 3);
            if (parts[2].startsWith("\"")) {
                return of(parts[0], parts[1], unescape(parts[2].substring(1, parts[2].length() - 1)));
            }
            // HAProxy has no digest of what is empty.
            return parts[2].equals("-")
                    ? of(parts[0], parts[1], "")
                    : new Seen(parts[0], parts[1], parts[2].toLowerCase(Locale.ROOT));
        }

        /** A JSON string without its quotes. */
        private static String unescape(String json) {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < json.length(); i++) {
                char c = json.charAt(i);
                if (c != '\\') {
                    text.append(c);
                    continue;
                }
                c = json.charAt(++i);
                switch (c) {
                    case 'r' -> text.append('\r');
                    case 'n' -> text.append('\n');
                    case 't' -> text.append('\t');
                    case 'u' -> {
                        text.append((char) Integer.parseInt(json.substring(i + 1, i + 5), 16));
                        i += 4;
                    }
                    default -> text.append(c);
                }
            }
            return text.toString();
        }

        private static String digest(String body) {
            try {
                return HexFormat.of()
                        .formatHex(MessageDigest.getInstance("SHA-256")
                                .digest(body.getBytes(StandardCharsets.ISO_8859_1)));
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private final Kind kind;
    private final Path directory;
    private final int port;
    private final Process process;

    /** Starts it, without waiting for it. */
    ForeignOrigin(Kind kind, Path parent) throws IOException {
        this.kind = kind;
        directory = Files.createDirectory(parent.resolve(kind.name()));
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        Files.createFile(directory.resolve("seen.log"));
        copy(kind.file);
        copy("origin.cgi");
        own();
        List<String> command = new ArrayList<>(
                List.of("setpriv", "--reuid=" + NOBODY, "--regid=" + NOBODY, "--clear-groups", "--pdeathsig=KILL"));
        for (String word : kind.command.split(" ", -1)) {
            command.add(filled(word));
        }
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(directory
                        .resolve(kind == Kind.HAPROXY ? "seen.log" : "out.log")
                        .toFile()));
        builder.environment().put("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        process = builder.start();
    }

    private void copy(String file) throws IOException {
        try (var in = ForeignOrigin.class.getResourceAsStream("/origins/" + file)) {
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            Path to = directory.resolve(file);
            Files.writeString(to, filled(text));
            Files.setPosixFilePermissions(to, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
    }

    private String filled(String text) {
        return text.replace("DIRECTORY", directory.toString()).replace("PORT", Integer.toString(port));
    }

    private void own() throws IOException {
        for (Path above = directory.getParent(); !above.endsWith("tmp"); above = above.getParent()) {
            Files.setPosixFilePermissions(above, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        try (var files = Files.walk(directory)) {
            for (Path path : files.toList()) {
                Files.setAttribute(path, "unix:uid", Integer.parseInt(NOBODY));
            }
        }
    }

    Kind kind() {
        return kind;
    }

    InetSocketAddress address() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    /** Waits until it takes connections. */
    void awaitReady() throws IOException, InterruptedException {
        long endNs = System.nanoTime() + START_NS;
        while (true) {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                if (socket.isConnected()) {
                    return;
                }
            } catch (IOException e) {
                if (!process.isAlive() || System.nanoTime() - endNs > 0) {
                    throw new IllegalStateException(kind + " does not serve: " + output(), e);
                }
                Thread.sleep(20);
            }
        }
    }

    private String output() throws IOException {
        StringBuilder text = new StringBuilder();
        for (String file : List.of("out.log", "error.log", "seen.log")) {
            Path path = directory.resolve(file);
            if (Files.exists(path)) {
                text.append(Files.readString(path, StandardCharsets.ISO_8859_1));
            }
        }
        return text.toString();
    }

    /** What it has noted until now. */
    List<Seen> seen() {
        try {
            return Files.readAllLines(directory.resolve("seen.log"), StandardCharsets.ISO_8859_1).stream()
                    .filter(line -> line.matches("[A-Z]+ \\S+ .*"))
                    .map(Seen::parse)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().onExit().join();
    }
}
