package dev.drover.controlplane.api;

import com.linecorp.armeria.common.Cookie;
import com.linecorp.armeria.common.HttpHeaderNames;
import dev.drover.controlplane.security.Accounts;
import dev.drover.controlplane.security.Accounts.Issued;
import dev.drover.controlplane.security.Accounts.Login;
import java.time.Instant;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Logging in and out, and API tokens. */
final class SessionResource {
    private static final Pattern TOKEN_NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}");
    private static final int MAX_PASSWORD_LENGTH = 1024;
    private static final String SAME_SITE = "Strict";
    private final Accounts accounts;

    record Credentials(String user, String password) {}

    /** @param expiresAt ISO-8601 instant */
    record Session(String token, String expiresAt) {}

    record NewToken(String name) {}

    /** @param token the secret; shown this once */
    record ApiToken(String name, String token) {}

    SessionResource(Accounts accounts) {
        this.accounts = accounts;
    }

    List<Operation> operations() {
        return List.of(
                Operation.action("/v1/login", "Log in", Credentials.class, Session.class, this::login)
                        .withoutToken(),
                Operation.delete("/v1/session", "Log out; ends the session, or revokes the API token", this::logout),
                Operation.create(
                                "/v1/logout", "Log out; the same as DELETE /v1/session", null, Void.class, this::logout)
                        .withoutAnswer(),
                Operation.create(
                        "/v1/tokens", "Create an API token", NewToken.class, ApiToken.class, this::createToken));
    }

    private Session login(Call call) {
        Credentials credentials = call.body(Credentials.class);
        if (credentials.password().length() > MAX_PASSWORD_LENGTH) {
            throw ApiException.invalid(
                    "password", "password: too long (expected: at most " + MAX_PASSWORD_LENGTH + ")");
        }
        return switch (accounts.login(credentials.user(), credentials.password(), call.source())) {
            case Login.Accepted(Issued session) -> {
                Cookie cookie = cookie(call, session.secret()).build();
                call.answerHeader(HttpHeaderNames.SET_COOKIE.toString(), cookie.toSetCookieHeader());
                yield new Session(
                        session.secret(),
                        Instant.ofEpochMilli(session.token().expiresAtMs()).toString());
            }
            case Login.Refused() -> throw ApiException.unauthorized("user, password: not a known pair");
            case Login.Throttled(long retryAfterSeconds) ->
                throw ApiException.tooManyRequests(
                        "login: too many attempts (expected: the next one in " + retryAfterSeconds + " s)");
        };
    }

    private @Nullable Object logout(Call call) {
        accounts.revoke(call.token());
        call.answerHeader(
                HttpHeaderNames.SET_COOKIE.toString(),
                cookie(call, "gone").maxAge(0).build().toSetCookieHeader());
        return null;
    }

    private ApiToken createToken(Call call) {
        String name = call.body(NewToken.class).name();
        if (!TOKEN_NAME.matcher(name).matches()) {
            throw ApiException.invalid(
                    "name",
                    "name: " + name + " (expected: 1 to 63 letters, digits, spaces, dots, underscores, hyphens)");
        }
        return new ApiToken(
                name, accounts.createApiToken(call.token().account(), name).secret());
    }

    private static com.linecorp.armeria.common.CookieBuilder cookie(Call call, String value) {
        return Cookie.secureBuilder(Authentication.COOKIE, value)
                .path("/")
                .sameSite(SAME_SITE)
                .httpOnly(true)
                .secure(call.overTls());
    }
}
