package dev.drover.lb;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What holds clients to their targets: a cookie (HTTP), or their address.
 *
 * @param cookie name of the cookie; null to go by the source
 * @param domain hosts for which the client sends the cookie (RFC 6265 section 5.2.3); null for the one it asked alone
 * @param postOnly whether only answers to POST set the cookie
 * @param idle how long a source that is silent is remembered
 */
public record StickyConfig(
        @Nullable String cookie, @Nullable String domain, boolean postOnly, Duration idle) {
    private static final Duration USUAL_IDLE = Duration.ofMinutes(30);

    public StickyConfig {
        if (cookie != null && !cookie.matches("[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")) {
            throw new IllegalArgumentException(
                    "sticky: " + cookie + " (expected: a cookie name of 1 to 64 letters, digits, '-' or '_')");
        }
        if (domain != null && !domain.matches("\\.?[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")) {
            throw new IllegalArgumentException("sticky.domain: " + domain + " (expected: a domain name)");
        }
        Ranges.time("sticky.idle", idle, Duration.ofSeconds(1), Duration.ofDays(7));
    }

    /** By a cookie of that name, set with any answer, for the host that was asked. */
    public static StickyConfig cookie(String name) {
        return new StickyConfig(name, null, false, USUAL_IDLE);
    }

    /** A copy whose cookie goes to other hosts too, or is set by fewer answers. */
    public StickyConfig withCookie(@Nullable String forDomain, boolean byPostOnly) {
        return new StickyConfig(cookie, forDomain, byPostOnly, idle);
    }

    /** By the source; null is remembered for 30 minutes. */
    public static StickyConfig source(@Nullable Duration idle) {
        return new StickyConfig(null, null, false, idle == null ? USUAL_IDLE : idle);
    }
}
