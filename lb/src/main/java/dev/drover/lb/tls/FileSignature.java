package dev.drover.lb.tls;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/** What of a file changes when its contents do; follows links, as those of mounted secrets. */
final class FileSignature {
    private FileSignature() {}

    static String of(Path path) {
        try {
            BasicFileAttributes file = Files.readAttributes(path, BasicFileAttributes.class);
            return file.lastModifiedTime() + "/" + file.size() + "/" + file.fileKey() + ";";
        } catch (IOException e) {
            return "missing;";
        }
    }
}
