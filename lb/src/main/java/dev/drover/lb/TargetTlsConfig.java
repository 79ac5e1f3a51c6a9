package dev.drover.lb;

import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * TLS with the targets of a pool. A target must prove who it is: by an authority and its name, or by its key. Only {@code
 * verify} false lets anybody in, and that is told wherever the target is shown.
 *
 * @param ca authorities that certificates of targets must come from; null for those this host trusts
 * @param pins {@code sha256/BASE64} of the public keys (RFC 7469 section 2.4) of which a target must show one; without {@code
 *     ca} that alone is enough, with it both must hold; empty for none
 * @param name asked for (SNI) and looked for in the certificate; null for no name and the address of the target
 * @param own certificate and key that targets are shown when they ask (mTLS); null for none
 * @param verify whether any of this is looked at
 */
public record TargetTlsConfig(
        @Nullable Path ca,
        List<String> pins,
        @Nullable String name,
        TlsConfig.@Nullable Certificate own,
        boolean verify) {
    private static final String PIN = "sha256/";
    private static final int PIN_BYTES = 32;

    public TargetTlsConfig {
        pins = List.copyOf(pins);
        for (String pin : pins) {
            if (!isPin(pin)) {
                throw new IllegalArgumentException(
                        "target-tls.pins: " + pin + " (expected: sha256/ and 32 bytes in Base64)");
            }
        }
        if (name != null && !name.matches("[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")) {
            throw new IllegalArgumentException("target-tls.name: " + name + " (expected: a host name)");
        }
        if (!verify && (ca != null || !pins.isEmpty())) {
            throw new IllegalArgumentException("target-tls.verify: false (expected: neither ca nor pins beside it)");
        }
    }

    private static boolean isPin(String pin) {
        try {
            return pin.startsWith(PIN) && Base64.getDecoder().decode(pin.substring(PIN.length())).length == PIN_BYTES;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    /** Without a certificate of our own. */
    public TargetTlsConfig(@Nullable Path ca, List<String> pins, @Nullable String name, boolean verify) {
        this(ca, pins, name, null, verify);
    }

    /** A copy that shows {@code certificate} to targets that ask. */
    public TargetTlsConfig withOwn(TlsConfig.Certificate certificate) {
        return new TargetTlsConfig(ca, pins, name, certificate, verify);
    }

    /** By an authority. */
    public static TargetTlsConfig ca(Path ca, @Nullable String name) {
        return new TargetTlsConfig(ca, List.of(), name, null, true);
    }
}
