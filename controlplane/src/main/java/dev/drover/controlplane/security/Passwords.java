package dev.drover.controlplane.security;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bouncycastle.crypto.generators.Argon2BytesGenerator;
import org.bouncycastle.crypto.params.Argon2Parameters;

/** Argon2id (RFC 9106) in PHC string form: {@code $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH}. */
public final class Passwords {
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final char[] ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789".toCharArray();
    private static final int GENERATED_LENGTH = 24;
    private static final int SALT_BYTES = 16;
    private static final int HASH_BYTES = 32;

    /** OWASP's recommendation for Argon2id: 19 MiB, two passes, one lane. */
    private static final int MEMORY_KIB = 19 * 1024;

    private static final int PASSES = 2;
    private static final int LANES = 1;

    private static final Pattern PHC = Pattern.compile(
            "\\$argon2id\\$v=19\\$m=(\\d{1,7}),t=(\\d{1,3}),p=(\\d{1,3})\\$([A-Za-z0-9+/]+)\\$([A-Za-z0-9+/]+)");

    /** Hash of a password nobody has; takes as long to check as a real one. */
    public static final String UNKNOWN_ACCOUNT_HASH = hash(Secrets.newSecret());

    private Passwords() {}

    /** 24 characters without look-alikes: about 138 bits. */
    public static String generate() {
        StringBuilder password = new StringBuilder(GENERATED_LENGTH);
        for (int i = 0; i < GENERATED_LENGTH; i++) {
            password.append(ALPHABET[RANDOM.nextInt(ALPHABET.length)]);
        }
        return password.toString();
    }

    public static String hash(String password) {
        byte[] salt = new byte[SALT_BYTES];
        RANDOM.nextBytes(salt);
        Base64.Encoder base64 = Base64.getEncoder().withoutPadding();
        return "$argon2id$v=19$m=" + MEMORY_KIB + ",t=" + PASSES + ",p=" + LANES + "$" + base64.encodeToString(salt)
                + "$" + base64.encodeToString(derive(password, salt, MEMORY_KIB, PASSES, LANES, HASH_BYTES));
    }

    /** Constant in time for a given hash. @throws IllegalArgumentException when {@code phc} is not an Argon2id hash */
    public static boolean matches(String password, String phc) {
        Matcher matcher = PHC.matcher(phc);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("password hash: (expected: PHC string of argon2id, version 19)");
        }
        byte[] salt = Base64.getDecoder().decode(matcher.group(4));
        byte[] expected = Base64.getDecoder().decode(matcher.group(5));
        byte[] actual = derive(
                password,
                salt,
                Integer.parseInt(matcher.group(1)),
                Integer.parseInt(matcher.group(2)),
                Integer.parseInt(matcher.group(3)),
                expected.length);
        return MessageDigest.isEqual(actual, expected);
    }

    private static byte[] derive(String password, byte[] salt, int memoryKib, int passes, int lanes, int length) {
        Argon2BytesGenerator generator = new Argon2BytesGenerator();
        generator.init(new Argon2Parameters.Builder(Argon2Parameters.ARGON2_id)
                .withVersion(Argon2Parameters.ARGON2_VERSION_13)
                .withMemoryAsKB(memoryKib)
                .withIterations(passes)
                .withParallelism(lanes)
                .withSalt(salt)
                .build());
        byte[] hash = new byte[length];
        generator.generateBytes(password.getBytes(StandardCharsets.UTF_8), hash);
        return hash;
    }
}
