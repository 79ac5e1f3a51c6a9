package dev.drover.perf;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** CPU time from {@code /proc}: what kernel and user space spent together. */
final class Cpu {
    private static final double TICKS_PER_SECOND = 100; // USER_HZ, fixed by the kernel's ABI

    private Cpu() {}

    /** Seconds all cores were busy since boot; the difference of two calls is what lies between them. */
    static double busySeconds() {
        String line;
        try (var lines = Files.lines(Path.of("/proc/stat"))) {
            line = lines.findFirst().orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String[] fields = line.trim().split("\\s+");
        long busy = 0;
        for (int i = 1; i <= 8; i++) { // user nice system idle iowait irq softirq steal
            if (i != 4 && i != 5) {
                busy += Long.parseLong(fields[i]);
            }
        }
        return busy / TICKS_PER_SECOND;
    }

    /** Seconds all threads of a process ran since it started. */
    static double processSeconds(long pid) {
        String line;
        try {
            line = Files.readString(Path.of("/proc/" + pid + "/stat"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        // The name in brackets may hold spaces; behind it state is the first field, utime the 12th, stime the 13th.
        String[] fields = line.substring(line.lastIndexOf(')') + 2).split(" ");
        return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / TICKS_PER_SECOND;
    }
}
