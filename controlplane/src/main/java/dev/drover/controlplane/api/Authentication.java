package dev.drover.controlplane.api;

import com.linecorp.armeria.common.Cookie;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.RequestHeaders;
import dev.drover.controlplane.model.AccessToken;
import dev.drover.controlplane.security.Accounts;
import java.net.URI;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Finds the token of a request: {@code Authorization: Bearer}, or the session cookie of the UI. A cookie comes along with
 * whatever page makes the browser ask, so with it the Origin must be our own for everything but plain reads.
 */
final class Authentication {
    static final String COOKIE = "drover_session";
    private static final String BEARER = "bearer ";
    private final Accounts accounts;

    Authentication(Accounts accounts) {
        this.accounts = accounts;
    }

    /**
     * @param upgrade true for a WebSocket, which is as good as a write although it is a GET
     * @throws ApiException 401 without a good token, 403 for a cookie sent by a foreign page
     */
    AccessToken require(RequestHeaders headers, boolean upgrade) {
        String authorization = headers.get(HttpHeaderNames.AUTHORIZATION);
        if (authorization != null) {
            if (!authorization.toLowerCase(Locale.ROOT).startsWith(BEARER)) {
                throw ApiException.unauthorized("authorization: unknown scheme (expected: Bearer TOKEN)");
            }
            return known(authorization.substring(BEARER.length()).strip());
        }
        String session = cookie(headers);
        if (session == null) {
            throw ApiException.unauthorized("authorization: missing (expected: Bearer TOKEN, from POST /v1/login)");
        }
        boolean read = headers.method() == HttpMethod.GET || headers.method() == HttpMethod.HEAD;
        if ((upgrade || !read) && !sameOrigin(headers)) {
            throw ApiException.forbidden("origin: " + headers.get(HttpHeaderNames.ORIGIN)
                    + " (expected: the origin of this server, when a cookie is used)");
        }
        return known(session);
    }

    boolean stillGood(AccessToken token) {
        return accounts.isCurrent(token);
    }

    private AccessToken known(String secret) {
        return accounts.authenticate(secret)
                .orElseThrow(() -> ApiException.unauthorized(
                        "authorization: unknown or expired token (expected: a new one from POST /v1/login)"));
    }

    private static @Nullable String cookie(RequestHeaders headers) {
        return headers.cookies().stream()
                .filter(cookie -> cookie.name().equals(COOKIE))
                .map(Cookie::value)
                .findFirst()
                .orElse(null);
    }

    private static boolean sameOrigin(RequestHeaders headers) {
        String origin = headers.get(HttpHeaderNames.ORIGIN);
        String authority = headers.authority();
        if (origin == null || authority == null) {
            return false;
        }
        try {
            return authority.equalsIgnoreCase(URI.create(origin).getRawAuthority());
        } catch (IllegalArgumentException e) {
            return false;
        }
    }
}
