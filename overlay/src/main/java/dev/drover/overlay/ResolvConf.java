package dev.drover.overlay;

import java.io.IOException;
import java.net.Inet4Address;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Points a container's resolv.conf (resolv.conf(5)) at the overlay's resolver. What was there before is kept as
 * comments, from which a later rewrite starts again: a rewrite of a rewrite is one of the original.
 */
public final class ResolvConf {
    private static final String MARK =
            "# drover: names are resolved by the overlay; what was here before is kept below";
    private static final String KEPT = "# before drover: ";
    private static final Set<String> ADDED = Set.of("nameserver", "search");
    private static final long SIZE_BYTES_MAX = 64 * 1024;

    private ResolvConf() {}

    /**
     * The new text. Options and comments stay; the search list is {@code search}, most specific first, then the
     * original's.
     *
     * @param text of the file as it is, rewritten before or not
     */
    public static String rewrite(String text, Inet4Address nameserver, List<String> search) {
        List<String> kept = new ArrayList<>();
        List<String> others = new ArrayList<>();
        Set<String> domains = new LinkedHashSet<>(search);
        for (String line : original(text)) {
            switch (keyword(line)) {
                case "nameserver" -> kept.add(line);
                case "search", "domain" -> {
                    kept.add(line);
                    List<String> words = List.of(line.split("\\s+"));
                    domains.addAll(words.subList(1, words.size()));
                }
                default -> others.add(line);
            }
        }
        List<String> lines = new ArrayList<>();
        lines.add(MARK);
        kept.forEach(line -> lines.add(KEPT + line));
        lines.add("nameserver " + nameserver.getHostAddress());
        if (!domains.isEmpty()) {
            lines.add("search " + String.join(" ", domains));
        }
        lines.addAll(others);
        return String.join("\n", lines) + "\n";
    }

    /** The text as it was before the first rewrite, but for the order of its lines. */
    public static String restore(String text) {
        return String.join("\n", original(text)) + "\n";
    }

    /**
     * Rewrites a file in place: same inode, since containers see it through a bind mount. The new text overwrites the
     * old one before the rest is cut off, so that a reader never finds the file empty.
     *
     * @return false when the file already was as it should be
     * @throws IOException also when the path is no regular file: links are not followed
     */
    public static boolean rewriteInPlace(Path file, Inet4Address nameserver, List<String> search) throws IOException {
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException("resolv.conf: " + file + " (expected: a regular file, no link)");
        }
        Set<OpenOption> options = Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
        try (FileChannel channel = FileChannel.open(file, options)) {
            String old = read(file, channel);
            String text = rewrite(old, nameserver, search);
            if (text.equals(old)) {
                return false;
            }
            ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
            int length = bytes.remaining();
            while (bytes.hasRemaining()) {
                channel.write(bytes, bytes.position());
            }
            channel.truncate(length);
            return true;
        }
    }

    private static String read(Path file, FileChannel channel) throws IOException {
        long size = channel.size();
        if (size > SIZE_BYTES_MAX) {
            throw new IOException(
                    "resolv.conf: " + file + " has " + size + " bytes (expected: at most " + SIZE_BYTES_MAX + ")");
        }
        // Closing the stream would close the channel.
        return new String(Channels.newInputStream(channel).readNBytes((int) size), StandardCharsets.UTF_8);
    }

    /** Lines as they were before a rewrite: kept ones come back, and what the rewrite added goes. */
    private static List<String> original(String text) {
        List<String> lines =
                text.lines().map(String::strip).filter(line -> !line.isEmpty()).toList();
        if (!lines.contains(MARK)) {
            return lines;
        }
        List<String> result = new ArrayList<>();
        for (String line : lines) {
            if (line.startsWith(KEPT)) {
                result.add(line.substring(KEPT.length()).strip());
            } else if (!line.equals(MARK) && !ADDED.contains(keyword(line))) {
                result.add(line);
            }
        }
        return result;
    }

    private static String keyword(String line) {
        return line.split("\\s+", 2)[0];
    }
}
