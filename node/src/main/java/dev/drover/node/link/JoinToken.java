package dev.drover.node.link;

import java.util.Base64;

/**
 * A join token as the control plane prints it: {@code drv1.ENVIRONMENT_ID.TOKEN_ID.SECRET.PIN}.
 *
 * @param text the whole token; secret
 * @param pin SHA-256 of the SubjectPublicKeyInfo of the server's certificate, base64url without padding
 */
public record JoinToken(String text, String environmentId, String pin) {
    private static final int PARTS = 5;
    private static final int SHA256_BYTES = 32;

    /** @throws IllegalArgumentException telling what is wrong without repeating the token */
    public static JoinToken parse(String text) {
        String[] parts = text.strip().split("\\.", -1);
        if (parts.length != PARTS || !parts[0].equals("drv1") || parts[1].isEmpty()) {
            throw new IllegalArgumentException(
                    "token: not a join token (expected: drv1.… as printed by: drover token create ENVIRONMENT)");
        }
        String pin = parts[PARTS - 1];
        try {
            if (Base64.getUrlDecoder().decode(pin).length == SHA256_BYTES) {
                return new JoinToken(text.strip(), parts[1], pin);
            }
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "token: damaged (expected: the whole token, it ends in a base64url hash)", e);
        }
        throw new IllegalArgumentException("token: cut short (expected: the whole token, it ends in a base64url hash)");
    }

    @Override
    public String toString() {
        return "JoinToken[environmentId=" + environmentId + "]";
    }
}
