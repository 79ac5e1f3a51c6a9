package dev.drover.lab;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Root file systems for the lab's images, made of the machine's own Debian packages since no registry is needed: {@code
 * busybox} (static busybox with all applets) and {@code python} (python3 with its library, iperf3, busybox as shell).
 * The tarballs are kept per version of the packages and shared by all labs of the machine.
 */
final class Images {
    private static final Path CACHE = Path.of("/var/cache/drover-lab");
    private static final Duration PACK = Duration.ofMinutes(2);
    private static final String FORMAT = "1";
    private static final String PATH_CHANGE = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /** Parts of the Python library that no lab container needs. */
    private static final Set<String> LEFT_OUT =
            Set.of("test", "lib2to3", "pydoc_data", "distutils", "idlelib", "tkinter", "ensurepip", "turtledemo");

    /**
     * A root file system to import.
     *
     * @param changes image configuration in Dockerfile syntax
     */
    record Image(String name, Path tarball, List<String> changes) {}

    private Images() {}

    /** All images, packed now if the machine has not packed them before. */
    static List<Image> all() {
        return List.of(
                image("busybox", List.of("busybox-static"), Images::layBusybox, "CMD [\"sh\"]"),
                image(
                        "python",
                        List.of("busybox-static", "python3-minimal", "libpython3-stdlib", "iperf3"),
                        Images::layPython,
                        "CMD [\"python\"]"));
    }

    @FunctionalInterface
    private interface Layout {
        void layInto(Path root) throws IOException;
    }

    private static Image image(String name, List<String> packages, Layout layout, String command) {
        Path tarball = CACHE.resolve(name + "-" + versionHash(packages) + ".tar");
        if (!Files.exists(tarball)) {
            pack(name, tarball, layout);
        }
        return new Image(name, tarball, List.of(PATH_CHANGE, command));
    }

    private static String versionHash(List<String> packages) {
        List<String> query = new ArrayList<>(
                List.of("dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture} ${Depends}\\n"));
        query.addAll(packages);
        String versions = FORMAT + Shell.run(Shell.QUICK, query).orThrow();
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(versions.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash, 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new LabException("SHA-256: " + e.getMessage(), e);
        }
    }

    /** Written under another name and moved, so that a concurrent lab never reads half a tarball. */
    private static void pack(String name, Path tarball, Layout layout) {
        Path root = null;
        try {
            Files.createDirectories(CACHE);
            root = Files.createTempDirectory(CACHE, name + "-");
            Path packed = root.resolveSibling(root.getFileName() + ".tar");
            layout.layInto(root);
            Shell.quick("chmod", "755", root.toString());
            Shell.run(
                            PACK,
                            List.of(
                                    "tar",
                                    "-C",
                                    root.toString(),
                                    "--owner=0",
                                    "--group=0",
                                    "-cf",
                                    packed.toString(),
                                    "."))
                    .orThrow();
            Files.move(packed, tarball, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new LabException("image " + name + ": " + e, e);
        } finally {
            if (root != null) {
                Shell.quick("rm", "-rf", root.toString());
            }
        }
    }

    private static void layBusybox(Path root) throws IOException {
        for (String dir : List.of(
                "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc", "root", "proc", "sys", "dev", "run", "var/www")) {
            Files.createDirectories(root.resolve(dir));
        }
        for (String dir : List.of("bin", "sbin", "lib", "lib64")) {
            Files.createSymbolicLink(root.resolve(dir), Path.of("usr", dir));
        }
        Path tmp = Files.createDirectory(root.resolve("tmp"));
        Shell.quick("chmod", "1777", tmp.toString());
        Files.writeString(
                root.resolve("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n");
        Files.writeString(root.resolve("etc/group"), "root:x:0:\nnogroup:x:65534:\n");
        Files.writeString(root.resolve("etc/nsswitch.conf"), "hosts: files dns\n");
        Path busybox = root.resolve("usr/bin/busybox");
        Files.copy(Path.of(which("busybox")), busybox, StandardCopyOption.COPY_ATTRIBUTES);
        for (String applet : Shell.quick(busybox.toString(), "--list").lines().toList()) {
            Path link = root.resolve("usr/bin").resolve(applet);
            if (!Files.exists(link)) {
                Files.createSymbolicLink(link, Path.of("busybox"));
            }
        }
    }

    private static void layPython(Path root) throws IOException {
        layBusybox(root);
        Path python = Path.of("/usr/bin/python3").toRealPath();
        Path library = Path.of("/usr/lib").resolve(python.getFileName());
        Path bin = root.resolve("usr/bin");
        Files.copy(python, bin.resolve(python.getFileName()), StandardCopyOption.COPY_ATTRIBUTES);
        for (String name : List.of("python3", "python")) {
            Files.createSymbolicLink(bin.resolve(name), python.getFileName());
        }
        Path iperf3 = Path.of("/usr/bin/iperf3");
        Files.copy(iperf3, bin.resolve("iperf3"), StandardCopyOption.COPY_ATTRIBUTES);
        Path copied = root.resolve("usr/lib").resolve(library.getFileName());
        Files.createDirectory(copied);
        try (Stream<Path> parts = Files.list(library)) {
            List<String> copy = new ArrayList<>(List.of("cp", "-a"));
            parts.filter(part -> isNeeded(part.getFileName().toString())).forEach(part -> copy.add(part.toString()));
            copy.add(copied.toString());
            Shell.run(PACK, copy).orThrow();
        }
        Files.writeString(copied.resolve("SimpleHTTPServer.py"), SIMPLE_HTTP_SERVER);
        copySharedLibraries(root, List.of(python, iperf3), library.resolve("lib-dynload"));
    }

    private static boolean isNeeded(String part) {
        return !LEFT_OUT.contains(part) && !part.startsWith("config-");
    }

    private static void copySharedLibraries(Path root, List<Path> programs, Path extensions) throws IOException {
        List<String> ldd = new ArrayList<>(List.of("ldd"));
        programs.forEach(program -> ldd.add(program.toString()));
        try (Stream<Path> modules = Files.list(extensions)) {
            modules.filter(module -> module.toString().endsWith(".so")).forEach(module -> ldd.add(module.toString()));
        }
        Set<String> libraries = new TreeSet<>();
        for (String line : Shell.run(PACK, ldd).output().lines().toList()) {
            for (String word : line.strip().split(" ")) {
                if (word.startsWith("/") && !word.endsWith(":")) {
                    libraries.add(word);
                }
            }
        }
        for (String library : libraries) {
            String path = library.startsWith("/usr/") ? library : "/usr" + library;
            Path target = root.resolve(path.substring(1));
            Files.createDirectories(target.getParent());
            Files.copy(
                    Path.of(library).toRealPath(),
                    target,
                    StandardCopyOption.REPLACE_EXISTING,
                    StandardCopyOption.COPY_ATTRIBUTES);
        }
    }

    private static String which(String command) {
        return Shell.quick("sh", "-c", "command -v " + command).strip();
    }

    /** Python 2's module of this name, which compose files of Rancher's time run. */
    private static final String SIMPLE_HTTP_SERVER = """
            \"""Python 2's name of http.server: python -m SimpleHTTPServer [port].\"""
            import signal
            import sys
            from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


            class Server(ThreadingHTTPServer):
                request_queue_size = 128


            if __name__ == "__main__":
                # The first process of a container has no default action for SIGTERM.
                signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
                port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
                print("Serving HTTP on 0.0.0.0 port %d ..." % port, flush=True)
                Server(("0.0.0.0", port), SimpleHTTPRequestHandler).serve_forever()
            """;
}
