package dev.drover.controlplane.model;

/**
 * A session or an API token; key {@code access-tokens/HASH}. The secret itself is never stored.
 *
 * @param hash SHA-256 of the secret, hex
 * @param account name of the account it acts for
 * @param name what the owner called it; empty for a session
 * @param createdAtMs epoch milliseconds
 * @param expiresAtMs epoch milliseconds; {@link Long#MAX_VALUE} for never
 */
public record AccessToken(String hash, String account, String name, long createdAtMs, long expiresAtMs) {}
