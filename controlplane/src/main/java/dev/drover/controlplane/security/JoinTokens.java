package dev.drover.controlplane.security;

import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.JoinToken;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.Repository;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;

/**
 * Tokens that let hosts join an environment: {@code drv1.ENVIRONMENT_ID.TOKEN_ID.SECRET.SPKI_PIN}. Good for any number of
 * hosts until they expire. The pin lets the node tell this server from any other before it sends the secret.
 */
public final class JoinTokens {
    private static final String VERSION = "drv1";
    private static final Duration LIFETIME = Duration.ofHours(24);
    private static final int PARTS = 5;

    private final Repository repository;
    private final InstantSource clock;
    private final String spkiPin;

    public record Issued(String text, JoinToken token) {}

    /** The token is not good; the message says why and never holds the secret. */
    public static final class RefusedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        RefusedException(String message) {
            super(message);
        }
    }

    public JoinTokens(Repository repository, InstantSource clock, String spkiPin) {
        this.repository = repository;
        this.clock = clock;
        this.spkiPin = spkiPin;
    }

    public Issued create(Environment environment) {
        String secret = Secrets.newSecret();
        long nowMs = clock.millis();
        JoinToken token =
                new JoinToken(Secrets.newId("jt"), environment.id(), Secrets.hash(secret), nowMs + LIFETIME.toMillis());
        repository.update(tx -> {
            for (JoinToken old : tx.list(Kind.JOIN_TOKEN, environment.id())) {
                if (old.expiresAtMs() <= nowMs) {
                    tx.delete(Kind.JOIN_TOKEN, old);
                }
            }
            tx.get(Kind.ENVIRONMENT, environment.id());
            tx.create(Kind.JOIN_TOKEN, token);
        });
        return new Issued(String.join(".", VERSION, environment.id(), token.id(), secret, spkiPin), token);
    }

    /** @return the environment that the token is for */
    public Environment verify(String text) {
        List<String> parts = List.of(text.split("\\.", -1));
        if (parts.size() != PARTS
                || !parts.getFirst().equals(VERSION)
                || text.indexOf('/') >= 0
                || parts.contains("")) {
            throw new RefusedException("token: not a join token (expected: drv1.ENVIRONMENT.ID.SECRET.PIN as printed)");
        }
        if (!parts.get(4).equals(spkiPin)) {
            throw new RefusedException("token: issued by another server (expected: a token of this server)");
        }
        Optional<JoinToken> token = repository
                .get(Kind.JOIN_TOKEN, parts.get(1), parts.get(2))
                .filter(found -> Secrets.matches(parts.get(3), found.secretHash()));
        if (token.isEmpty()) {
            throw new RefusedException("token: unknown, or revoked (expected: a join token of this server)");
        }
        if (token.get().expiresAtMs() <= clock.millis()) {
            throw new RefusedException(
                    "token: expired (expected: a new one, tokens are good for " + LIFETIME.toHours() + " hours)");
        }
        return repository
                .get(Kind.ENVIRONMENT, parts.get(1))
                .orElseThrow(() -> new RefusedException("token: its environment was removed"));
    }
}
