package dev.drover.controlplane.model;

/**
 * Who may log in; key {@code accounts/NAME}.
 *
 * @param passwordHash Argon2id in PHC string form
 */
public record Account(String name, String passwordHash) {}
