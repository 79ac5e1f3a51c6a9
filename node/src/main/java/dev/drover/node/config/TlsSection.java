package dev.drover.node.config;

import dev.drover.lb.TlsConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Key {@code tls} of a listener. */
final class TlsSection {
    private TlsSection() {}

    /** Relative paths are beside {@code file}. */
    static TlsConfig read(Path file, YamlNode node) {
        Map<String, YamlNode> keys = node.map(
                List.of("certificates", "default", "strict-sni", "min-version", "client-ca", "ocsp"),
                List.of("ciphers"));
        YamlNode certificatesNode = node.required(keys, "certificates");
        List<TlsConfig.Certificate> certificates = new ArrayList<>();
        for (YamlNode item : certificatesNode.list()) {
            Map<String, YamlNode> entry = item.map(List.of("certificate", "key"), List.of());
            certificates.add(new TlsConfig.Certificate(
                    path(file, item.required(entry, "certificate")), path(file, item.required(entry, "key"))));
        }
        if (certificates.isEmpty()) {
            throw certificatesNode.error("empty (expected: at least one certificate with its key)");
        }
        YamlNode defaultNode = YamlValues.present(keys.get("default"));
        YamlNode strict = YamlValues.present(keys.get("strict-sni"));
        if (strict != null && YamlValues.flag(strict) && defaultNode != null) {
            throw strict.error("true beside default (expected: one of both)");
        }
        YamlNode minVersion = YamlValues.present(keys.get("min-version"));
        YamlNode clientCa = YamlValues.present(keys.get("client-ca"));
        YamlNode ocsp = YamlValues.present(keys.get("ocsp"));
        return new TlsConfig(
                certificates,
                defaultNode == null ? null : defaultNode.text(),
                minVersion == null ? TlsConfig.Version.TLS_1_2 : version(minVersion),
                clientCa == null ? null : path(file, clientCa),
                strict != null && YamlValues.flag(strict),
                ocsp == null ? TlsConfig.Stapling.OFF : stapling(ocsp));
    }

    private static TlsConfig.Stapling stapling(YamlNode node) {
        return switch (node.text()) {
            case "off" -> TlsConfig.Stapling.OFF;
            case "file" -> TlsConfig.Stapling.FILE;
            case "fetch" -> TlsConfig.Stapling.FETCH;
            default -> throw node.error(node.text() + " (expected: off, file or fetch)");
        };
    }

    private static TlsConfig.Version version(YamlNode node) {
        return switch (node.text()) {
            case "1.2" -> TlsConfig.Version.TLS_1_2;
            case "1.3" -> TlsConfig.Version.TLS_1_3;
            default -> throw node.error(node.text() + " (expected: 1.2 or 1.3)");
        };
    }

    private static Path path(Path file, YamlNode node) {
        return file.resolveSibling(node.text());
    }
}
