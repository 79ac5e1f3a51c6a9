package dev.drover.node.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code drover cert}. */
@Command(name = "cert", description = "Certificates of an environment, for its load balancers.")
public final class CertCommand extends ClientGroup {

    @Command(name = "ls", description = "List certificates.")
    int list(
            @Mixin ClientOptions options,
            @Option(
                            names = {"-e", "--env"},
                            paramLabel = "ENV",
                            description = "Environment.")
                    @Nullable
                    String env) {
        return run(
                options,
                client -> client.get(certificates(client, env)),
                certificates -> Output.table(out(), certificates, "name", "names", "notAfter", "usedBy"));
    }

    @Command(
            name = "add",
            description = "Add a certificate with its key, or put another in its place; the key is never shown again.")
    int add(
            @Mixin ClientOptions options,
            @Parameters(paramLabel = "NAME") String name,
            @Option(
                            names = "--cert",
                            required = true,
                            paramLabel = "FILE",
                            description = "PEM: the certificate, then its chain.")
                    Path certificate,
            @Option(names = "--key", required = true, paramLabel = "FILE", description = "PEM: PKCS #8, unencrypted.")
                    Path key,
            @Option(
                            names = {"-e", "--env"},
                            paramLabel = "ENV",
                            description = "Environment.")
                    @Nullable
                    String env) {
        return run(
                options,
                client -> client.put(
                        certificates(client, env, name),
                        Map.of("certificate", read("--cert", certificate), "key", read("--key", key))),
                added -> say("certificate " + added.path("name").asText() + " valid until "
                        + added.path("notAfter").asText()));
    }

    @Command(name = "rm", description = "Delete a certificate that no load balancer uses.")
    int remove(
            @Mixin ClientOptions options,
            @Parameters(paramLabel = "NAME") String name,
            @Option(
                            names = {"-e", "--env"},
                            paramLabel = "ENV",
                            description = "Environment.")
                    @Nullable
                    String env) {
        return run(
                options,
                client -> client.delete(certificates(client, env, name)),
                _ -> say("certificate " + name + " deleted"));
    }

    private static String certificates(ApiClient client, @Nullable String env) {
        return ApiClient.path("environments", ClientOptions.environment(client, env), "certificates");
    }

    private static String certificates(ApiClient client, @Nullable String env, String name) {
        return ApiClient.path("environments", ClientOptions.environment(client, env), "certificates", name);
    }

    private static String read(String option, Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new CliException(option + ": " + file + " cannot be read (expected: a PEM file)", e);
        }
    }
}
