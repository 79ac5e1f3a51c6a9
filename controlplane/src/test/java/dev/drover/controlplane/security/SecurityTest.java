package dev.drover.controlplane.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.controlplane.model.AccessToken;
import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.Orchestrator;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.Repository;
import dev.drover.controlplane.security.Accounts.Login;
import dev.drover.controlplane.store.MemoryStore;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SecurityTest {
    private static final String PIN = "pin";
    private final MemoryStore store = new MemoryStore();
    private final Repository repository = new Repository(store);
    private final AtomicLong nowMs = new AtomicLong(1_000_000);
    private final Accounts accounts =
            new Accounts(repository, () -> Instant.ofEpochMilli(nowMs.get()), () -> nowMs.get() * 1_000_000);
    private final JoinTokens joinTokens = new JoinTokens(repository, () -> Instant.ofEpochMilli(nowMs.get()), PIN);
    private final Environment environment =
            new Environment("env_1", "test", Orchestrator.CATTLE, "10.42.0.0/16", 1042, 4789, 24);

    @AfterEach
    void close() {
        repository.close();
        store.close();
    }

    @Test
    void hashesPasswordsWithArgon2idAndARandomSalt() {
        String hash = Passwords.hash("secret");
        assertThat(hash).startsWith("$argon2id$v=19$m=19456,t=2,p=1$").isNotEqualTo(Passwords.hash("secret"));
        assertThat(Passwords.matches("secret", hash)).isTrue();
        assertThat(Passwords.matches("Secret", hash)).isFalse();
        assertThatThrownBy(() -> Passwords.matches("secret", "plain")).isInstanceOf(IllegalArgumentException.class);
    }

    /** The vector of RFC 9106 uses secret and associated data, which PHC strings lack; this one is of the reference tool. */
    @Test
    void agreesWithTheReferenceImplementation() {
        assertThat(Passwords.matches(
                        "password",
                        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"))
                .isTrue();
    }

    @Test
    void createsTheAdminOnceAndStoresNoSecretInPlain() {
        String password = accounts.createAdminIfNone().orElseThrow();
        assertThat(password).hasSizeGreaterThanOrEqualTo(20).doesNotMatch(".*[0O1lI].*");
        assertThat(accounts.createAdminIfNone()).isEmpty();
        Login.Accepted login = (Login.Accepted) accounts.login("admin", password, "here");
        String secret = login.session().secret();
        assertThat(accounts.authenticate(secret).map(AccessToken::account)).contains("admin");
        assertThat(store.list("").entries())
                .noneMatch(entry -> entry.value().contains(password)
                        || entry.value().contains(secret)
                        || entry.key().contains(secret));
    }

    @Test
    void refusesAWrongPasswordAndAnUnknownUserAlike() {
        accounts.createAdminIfNone();
        assertThat(accounts.login("admin", "wrong", "here")).isInstanceOf(Login.Refused.class);
        assertThat(accounts.login("nobody", "wrong", "here")).isInstanceOf(Login.Refused.class);
        assertThat(accounts.login("a/b", "wrong", "here")).isInstanceOf(Login.Refused.class);
        assertThat(accounts.login("", "", "here")).isInstanceOf(Login.Refused.class);
    }

    @Test
    void endsSessionsByTimeAndByLogoutAndSweepsThem() {
        String password = accounts.createAdminIfNone().orElseThrow();
        Login.Accepted first = (Login.Accepted) accounts.login("admin", password, "here");
        String apiToken = accounts.createApiToken("admin", "ci").secret();
        nowMs.addAndGet(Duration.ofHours(13).toMillis());
        assertThat(accounts.authenticate(first.session().secret())).isEmpty();
        assertThat(accounts.isCurrent(first.session().token())).isFalse();
        assertThat(accounts.authenticate(apiToken)).isPresent();
        Login.Accepted second = (Login.Accepted) accounts.login("admin", password, "here");
        assertThat(repository.list(Kind.ACCESS_TOKEN)).hasSize(2);
        accounts.revoke(second.session().token());
        assertThat(accounts.authenticate(second.session().secret())).isEmpty();
    }

    @Test
    void slowsGuessingDownForEachSourceAndLetsOthersIn() {
        LoginLimiter limiter = new LoginLimiter(() -> nowMs.get() * 1_000_000);
        for (int i = 0; i < 10; i++) {
            assertThat(limiter.tryAcquire("attacker")).isZero();
        }
        assertThat(limiter.tryAcquire("attacker")).isEqualTo(5);
        assertThat(limiter.tryAcquire("another")).isZero();
        nowMs.addAndGet(5_000);
        assertThat(limiter.tryAcquire("attacker")).isZero();
        assertThat(limiter.tryAcquire("attacker")).isPositive();
    }

    @Test
    void boundsGuessingFromManySourcesAndTheMemoryForThem() {
        LoginLimiter limiter = new LoginLimiter(() -> nowMs.get() * 1_000_000);
        int allowed = 0;
        for (int i = 0; i < 50_000; i++) {
            allowed += limiter.tryAcquire("source" + i) == 0 ? 1 : 0;
        }
        assertThat(allowed).isEqualTo(200);
        assertThat(limiter.sources()).isEqualTo(10_000);
    }

    @Test
    void doesNotCountLoginsThatSucceed() {
        LoginLimiter limiter = new LoginLimiter(() -> nowMs.get() * 1_000_000);
        for (int i = 0; i < 1_000; i++) {
            assertThat(limiter.tryAcquire("ci")).isZero();
            limiter.succeeded("ci");
        }
    }

    @Test
    void tellsWhyAJoinTokenIsRefusedWithoutRepeatingIt() {
        repository.update(tx -> tx.create(Kind.ENVIRONMENT, environment));
        String token = joinTokens.create(environment).text();
        assertThat(joinTokens.verify(token)).isEqualTo(environment);
        assertRefused("nonsense", "not a join token");
        assertRefused("drv1.env_1..x.pin", "not a join token");
        assertRefused(token.replace("." + PIN, ".other"), "another server");
        assertRefused(token.substring(0, token.length() - PIN.length() - 3) + "xx." + PIN, "unknown");
        assertRefused(token.replace("env_1", "env_2"), "unknown");
        nowMs.addAndGet(Duration.ofHours(25).toMillis());
        assertRefused(token, "expired");
        joinTokens.create(environment);
        assertThat(repository.list(Kind.JOIN_TOKEN))
                .as("expired ones are swept")
                .hasSize(1);
    }

    private void assertRefused(String token, String why) {
        assertThatThrownBy(() -> joinTokens.verify(token))
                .isInstanceOf(JoinTokens.RefusedException.class)
                .hasMessageContaining(why)
                .hasMessageNotContaining(token);
    }

    @Test
    void makesIdsThatNoNameCanHave() {
        assertThat(Secrets.newId("env")).matches("env_[a-z0-9]{12}").isNotEqualTo(Secrets.newId("env"));
        assertThat(HostKeys.authenticate(repository, "drvh1.e.h/../x.s")).isEmpty();
        assertThat(HostKeys.authenticate(repository, "drvh1.e.h.s")).isEmpty();
        assertThat(HostKeys.authenticate(repository, "")).isEmpty();
    }
}
