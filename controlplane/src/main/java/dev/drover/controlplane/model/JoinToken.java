package dev.drover.controlplane.model;

/**
 * Lets hosts join an environment; key {@code join-tokens/ENVIRONMENT_ID/ID}.
 *
 * @param secretHash SHA-256 of the secret, hex
 * @param expiresAtMs epoch milliseconds
 */
public record JoinToken(String id, String environmentId, String secretHash, long expiresAtMs) {}
