package dev.drover.controlplane.security;

import dev.drover.controlplane.model.AccessToken;
import dev.drover.controlplane.model.Account;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.Repository;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.function.LongSupplier;

/** Who is who: logins, sessions and API tokens. Bearer secrets are opaque random texts of which only the SHA-256 is stored. */
public final class Accounts {
    public static final String ADMIN = "admin";
    private static final Duration SESSION_LIFETIME = Duration.ofHours(12);
    private static final String SESSION_PREFIX = "drvs1.";
    private static final String API_TOKEN_PREFIX = "drva1.";

    /** Argon2id takes 19 MiB: bounds what a crowd of logins can take. */
    private static final int CONCURRENT_HASHES = 4;

    private final Repository repository;
    private final InstantSource clock;
    private final LoginLimiter limiter;
    private final Semaphore hashing = new Semaphore(CONCURRENT_HASHES);

    /** A fresh secret; shown once. */
    public record Issued(String secret, AccessToken token) {}

    /** What came of a login. */
    public sealed interface Login {
        record Accepted(Issued session) implements Login {}

        record Refused() implements Login {}

        record Throttled(long retryAfterSeconds) implements Login {}
    }

    public Accounts(Repository repository, InstantSource clock, LongSupplier nanoTime) {
        this.repository = repository;
        this.clock = clock;
        this.limiter = new LoginLimiter(nanoTime);
    }

    /**
     * Creates the account {@code admin} when there is no account at all.
     *
     * @return its password, for the operator's eyes only; empty when there are accounts
     */
    public Optional<String> createAdminIfNone() {
        if (!repository.list(Kind.ACCOUNT).isEmpty()) {
            return Optional.empty();
        }
        String password = Passwords.generate();
        Account admin = new Account(ADMIN, Passwords.hash(password));
        return repository.transact(tx -> {
            tx.serialize("accounts");
            if (!tx.list(Kind.ACCOUNT).isEmpty()) {
                return Optional.empty();
            }
            tx.create(Kind.ACCOUNT, admin);
            return Optional.of(password);
        });
    }

    /** @param source where the attempt comes from: an address, or a prefix for IPv6 */
    public Login login(String user, String password, String source) {
        long waitSeconds = limiter.tryAcquire(source);
        if (waitSeconds > 0) {
            return new Login.Throttled(waitSeconds);
        }
        Optional<Account> account = validName(user) ? repository.get(Kind.ACCOUNT, user) : Optional.empty();
        boolean matches = verify(password, account.map(Account::passwordHash).orElse(Passwords.UNKNOWN_ACCOUNT_HASH));
        if (account.isEmpty() || !matches) {
            return new Login.Refused();
        }
        limiter.succeeded(source);
        return new Login.Accepted(issue(SESSION_PREFIX, user, "", clock.millis() + SESSION_LIFETIME.toMillis()));
    }

    public Issued createApiToken(String account, String name) {
        return issue(API_TOKEN_PREFIX, account, name, Long.MAX_VALUE);
    }

    /** The live session or API token with that secret. */
    public Optional<AccessToken> authenticate(String secret) {
        return repository
                .get(Kind.ACCESS_TOKEN, Secrets.hash(secret))
                .filter(token -> token.expiresAtMs() > clock.millis());
    }

    /** False once the token has expired or was revoked. */
    public boolean isCurrent(AccessToken token) {
        return token.expiresAtMs() > clock.millis()
                && repository.get(Kind.ACCESS_TOKEN, token.hash()).isPresent();
    }

    /** Ends a session, or revokes an API token. */
    public void revoke(AccessToken token) {
        repository.update(tx -> tx.delete(Kind.ACCESS_TOKEN, token));
    }

    private Issued issue(String prefix, String account, String name, long expiresAtMs) {
        String secret = prefix + Secrets.newSecret();
        long nowMs = clock.millis();
        AccessToken token = new AccessToken(Secrets.hash(secret), account, name, nowMs, expiresAtMs);
        repository.update(tx -> {
            for (AccessToken old : tx.list(Kind.ACCESS_TOKEN)) {
                if (old.expiresAtMs() <= nowMs) {
                    tx.delete(Kind.ACCESS_TOKEN, old);
                }
            }
            tx.create(Kind.ACCESS_TOKEN, token);
        });
        return new Issued(secret, token);
    }

    private boolean verify(String password, String hash) {
        hashing.acquireUninterruptibly();
        try {
            return Passwords.matches(password, hash);
        } finally {
            hashing.release();
        }
    }

    private static boolean validName(String user) {
        return !user.isEmpty() && user.indexOf('/') < 0;
    }
}
