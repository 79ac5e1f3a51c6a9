package dev.drover.overlay;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Judges whether the mode that was chosen is one to complain about. */
final class ModeWatch {
    private static final Pattern RELEASE = Pattern.compile("(\\d{1,4})\\.(\\d{1,4}).*");
    /** Linux 6.17, the first with tunnel offloads for TAP. */
    private static final int SUPER_MAJOR = 6;

    private static final int SUPER_MINOR = 17;

    private ModeWatch() {}

    /**
     * What is to be said, null for nothing.
     *
     * @param wanted configured
     * @param before in force until now by the same configuration, null at the first start
     * @param kernel release, as {@code 6.17.0-1-amd64}
     */
    static @Nullable String complaint(Mode wanted, Mode now, @Nullable Mode before, String kernel) {
        if (before != null && now.compareTo(before) > 0) {
            return "mode was " + lower(before) + " before";
        }
        if (wanted == Mode.AUTO && now != Mode.SUPER && before == null && hasTunnelOffloads(kernel)) {
            return "kernel " + kernel + " should have mode super";
        }
        return null;
    }

    private static boolean hasTunnelOffloads(String kernel) {
        Matcher release = RELEASE.matcher(kernel);
        if (!release.matches()) {
            return false;
        }
        int major = Integer.parseInt(release.group(1));
        return major > SUPER_MAJOR || major == SUPER_MAJOR && Integer.parseInt(release.group(2)) >= SUPER_MINOR;
    }

    private static String lower(Mode mode) {
        return mode.name().toLowerCase(Locale.ROOT);
    }
}
